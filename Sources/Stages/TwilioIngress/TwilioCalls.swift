import AsyncHTTPClient
import CallEvents
import JSON
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import StageRuntime
import TwilioMedia

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Twilio's REST API for calls. `TwilioCalls+Create` makes calls, `TwilioCalls+Live` acts on them.
struct TwilioCalls: Sendable {
    enum Failure: Error, Equatable {
        /// Twilio said no: nothing was dialled.
        case refused(status: Int, code: Int?, message: String)
        /// Twilio could not be reached: nothing was dialled.
        case unreachable
        /// Twilio's answer is no answer to the question: the call may have been made.
        case unclear(status: Int)
        /// No answer in time: the call may have been made.
        case timedOut
    }

    private static let maxResponseBytes = 256 << 10

    private let client: HTTPClient
    let configuration: IngressConfiguration
    private let authorization: String
    let metrics: IngressMetrics
    private let logger: Logger

    init(client: HTTPClient, configuration: IngressConfiguration, metrics: IngressMetrics, logger: Logger) {
        self.client = client
        self.configuration = configuration
        let credentials = Base64.encode(Array("\(configuration.accountSid):\(configuration.authToken)".utf8))
        self.authorization = "Basic " + String(decoding: credentials, as: UTF8.self)
        self.metrics = metrics
        self.logger = logger
    }

    /// Sends one request, without repeating it.
    /// - Parameters:
    ///   - path: below the account's.
    ///   - form: what is posted; without it, the resource is read.
    /// - Throws: `Failure` when there was no answer, or `CancellationError`.
    func send(_ path: String, posting form: FormFields? = nil) async throws -> Answer {
        var request = HTTPClientRequest(
            url: "\(self.configuration.twilioAPIURL)/2010-04-01/Accounts/\(self.configuration.accountSid)\(path)"
        )
        request.headers.add(name: "Authorization", value: self.authorization)
        request.headers.add(name: "Accept", value: "application/json")
        if let form {
            request.method = .POST
            request.headers.add(name: "Content-Type", value: "application/x-www-form-urlencoded")
            request.body = .bytes(ByteBuffer(string: form.encoded))
        }
        do {
            let response = try await self.client.execute(
                request,
                timeout: TimeAmount(self.configuration.twilioTimeout),
                logger: self.logger
            )
            let body = try await response.body.collect(upTo: Self.maxResponseBytes)
            return Answer(
                status: Int(response.status.code),
                retryAfter: response.headers.first(name: "retry-after").flatMap { Int($0) },
                body: body
            )
        } catch let error as HTTPClientError where Self.beforeSending.contains(error) {
            throw Failure.unreachable
        } catch is NIOConnectionError {
            throw Failure.unreachable
        } catch let error as IOError where [ECONNREFUSED, EHOSTUNREACH, ENETUNREACH].contains(error.errnoCode) {
            throw Failure.unreachable
        } catch let error as CancellationError {
            throw error
        } catch {
            // The error's text names a host at most; the request with its phone number is not in it.
            self.logger.warning("A request to Twilio got no answer", metadata: [LogKey.error: "\(error)"])
            throw Failure.timedOut
        }
    }

    private static let beforeSending: [HTTPClientError] = [
        .connectTimeout, .tlsHandshakeTimeout, .getConnectionFromPoolTimeout, .invalidURL, .emptyHost,
    ]
}

extension TwilioCalls {
    /// Twilio's answer, whatever it is.
    struct Answer {
        var status: Int
        /// Seconds.
        var retryAfter: Int?
        var json: JSONValue

        init(status: Int, retryAfter: Int? = nil, body: ByteBuffer) {
            self.status = status
            self.retryAfter = retryAfter
            // Not JSON, such as a proxy's page: the status alone counts.
            self.json = (try? JSONValue(parsing: body.readableBytesView)) ?? .null
        }

        /// - Throws: `Failure` unless the status is 2xx.
        func throwIfNotAccepted() throws {
            try self.throwIfRefused()
            guard (200..<300).contains(self.status) else { throw Failure.unclear(status: self.status) }
        }

        func throwIfRefused() throws {
            guard (400..<500).contains(self.status) else { return }
            throw Failure.refused(
                status: self.status,
                code: self.json["code"]?.intValue,
                message: self.json["message"]?.stringValue ?? "no message"
            )
        }
    }
}
