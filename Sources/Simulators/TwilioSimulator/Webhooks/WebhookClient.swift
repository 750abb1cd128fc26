import AsyncHTTPClient
import JSON
import NIOCore
import NIOHTTP1
import NIOPosix
import TwilioMedia

/// Sends Twilio's signed requests to the customer's server: 15 s in all, one more try when there is no connection, and
/// redirects followed.
struct WebhookClient: Sendable {
    struct Answer: Sendable {
        /// Where it came from in the end.
        var url: WebhookURL
        var status: Int
        var contentType: String
        var body: [UInt8]
    }

    /// With Twilio's error number.
    struct Failure: Error {
        var code: Int
        var message: String
        var status: Int?
        fileprivate var reason: ConnectionOverrides.Reason?
    }

    private static let maximumRedirects = 10
    private static let maximumBody = 1 << 20

    let http: HTTPClient
    let tokens: AuthTokens
    let userAgent = "TwilioProxy/1.1"

    /// - Parameter method: `GET` puts the fields into the query.
    /// - Throws: when there was no 2xx answer; `CancellationError` is passed on as a failure, too.
    func send(_ url: WebhookURL, method: String, fields: FormFields) async throws(Failure) -> Answer {
        let overrides = ConnectionOverrides(fragment: url.fragment)
        let end = NIODeadline.now() + .milliseconds(Int64(overrides.totalMs))
        let token = makeUUID()
        var attempt = 0
        while true {
            do {
                let deadline = min(end, .now() + .milliseconds(Int64(overrides.readMs)))
                return try await self.follow(url, method: method, fields: fields, token: token, deadline: deadline)
            } catch {
                guard attempt < overrides.retries, let reason = error.reason, overrides.retryOn.contains(reason),
                    NIODeadline.now() < end, !Task.isCancelled
                else { throw error }
                attempt += 1
            }
        }
    }

    private func follow(
        _ first: WebhookURL,
        method firstMethod: String,
        fields: FormFields,
        token: String,
        deadline: NIODeadline
    ) async throws(Failure) -> Answer {
        var url = first
        var method = firstMethod
        for _ in 0...Self.maximumRedirects {
            let (answer, location) = try await self.exchange(
                url,
                method: method,
                fields: fields,
                token: token,
                deadline: deadline
            )
            switch answer.status {
            case 200..<300:
                return answer
            case 301, 302, 303, 307, 308:
                guard let location, let next = WebhookURL(location, relativeTo: url) else {
                    throw Failure(code: 11200, message: "redirect without a location", status: answer.status)
                }
                url = next
                if answer.status < 307 { method = "GET" }
            default:
                throw Failure(
                    code: answer.status == 429 ? 11217 : 11200,
                    message: "answered \(answer.status)",
                    status: answer.status,
                    reason: answer.status >= 500 ? .serverError : .clientError
                )
            }
        }
        throw Failure(code: 11215, message: "too many redirects")
    }

    /// One request; a second one with credentials when the URL has some and the first was refused.
    private func exchange(
        _ url: WebhookURL,
        method: String,
        fields: FormFields,
        token: String,
        deadline: NIODeadline
    ) async throws(Failure) -> (Answer, location: String?) {
        guard ["http", "https"].contains(url.scheme),
            let target = method == "GET" ? url.adding(query: fields.encoded) : url
        else { throw Failure(code: 11100, message: "not an http URL") }
        var request = HTTPClientRequest(url: target.request)
        request.headers.add(name: "User-Agent", value: self.userAgent)
        request.headers.add(name: "Accept", value: "*/*")
        request.headers.add(name: "I-Twilio-Idempotency-Token", value: token)
        if method == "GET" {
            request.headers.add(name: "X-Twilio-Signature", value: self.tokens.signature.compute(url: target.signed))
        } else {
            request.method = .POST
            request.headers.add(
                name: "X-Twilio-Signature",
                value: self.tokens.signature.compute(url: target.signed, content: .form(fields))
            )
            request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded; charset=UTF-8")
            request.body = .bytes(ByteBuffer(string: fields.encoded))
        }
        var result = try await self.execute(request, url: url, deadline: deadline)
        if result.0.status == 401, let user = url.user {
            let credentials = Base64.encode(Array("\(user):\(url.password ?? "")".utf8))
            request.headers.add(name: "Authorization", value: "Basic " + String(decoding: credentials, as: UTF8.self))
            result = try await self.execute(request, url: url, deadline: deadline)
        }
        return result
    }

    private func execute(
        _ request: HTTPClientRequest,
        url: WebhookURL,
        deadline: NIODeadline
    ) async throws(Failure) -> (Answer, location: String?) {
        do {
            let response = try await self.http.execute(request, deadline: deadline)
            let body = try await response.body.collect(upTo: Self.maximumBody)
            let answer = Answer(
                url: url,
                status: Int(response.status.code),
                contentType: response.headers.first(name: "Content-Type") ?? "",
                body: Array(body.readableBytesView)
            )
            return (answer, response.headers.first(name: "Location"))
        } catch let error as HTTPClientError where error == .connectTimeout {
            throw Failure(code: 11205, message: "connect time-out", reason: .connect)
        } catch let error as HTTPClientError where error == .deadlineExceeded || error == .readTimeout {
            throw Failure(code: 11200, message: "no answer in time", reason: .read)
        } catch is NIOConnectionError {
            throw Failure(code: 11205, message: "connection refused", reason: .connect)
        } catch {
            throw Failure(code: 11200, message: "no usable answer: \(error)")
        }
    }

    /// As Twilio connects: 5 s for it, no HTTP/2, and redirects are ours to sign anew.
    static func makeHTTPClient() -> HTTPClient {
        var configuration = HTTPClient.Configuration()
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .seconds(5)
        configuration.httpVersion = .http1Only
        configuration.connectionPool.retryConnectionEstablishment = false
        // No callback waits for another one's connection.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }
}

/// A random UUID (version 4) in lower case.
func makeUUID() -> String {
    var generator = SystemRandomNumberGenerator()
    let hexadecimal = randomHexadecimal(using: &generator)
    var groups: [Substring] = []
    var rest = hexadecimal[...]
    for length in [8, 4, 4, 4, 12] {
        groups.append(rest.prefix(length))
        rest = rest.dropFirst(length)
    }
    return groups.joined(separator: "-")
}

/// 32 random hexadecimal digits, as in Twilio's identifiers.
func randomHexadecimal(using generator: inout some RandomNumberGenerator) -> String {
    var text = ""
    for _ in 0..<2 {
        let half = String(generator.next() as UInt64, radix: 16)
        text += String(repeating: "0", count: 16 - half.count) + half
    }
    return text
}
