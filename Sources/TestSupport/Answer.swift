package import AsyncHTTPClient
package import JSON
package import NIOCore
package import NIOHTTP1

/// The answer of one of our HTTP servers, read whole.
package struct Answer: Sendable {
    package var status: Int
    package var headers: HTTPHeaders
    package var text: String

    /// `null` when it is no JSON.
    package var json: JSONValue { (try? JSONValue(parsing: self.text)) ?? .null }

    /// Whether it is an error as RFC 9457 has it, with all that ours say.
    package var isProblem: Bool {
        self.headers.first(name: "content-type") == "application/problem+json"
            && self.json["status"]?.intValue == self.status && self.json["title"]?.stringValue != nil
            && self.json["detail"]?.stringValue != nil
    }

    /// Sends a request to this port of this machine.
    /// - Throws: what the client does when there is no answer within `limit`.
    package static func send(
        _ method: HTTPMethod,
        _ path: String,
        toPort port: Int,
        headers: HTTPHeaders = [:],
        body: String? = nil,
        within limit: TimeAmount = .seconds(20),
        by client: HTTPClient = .shared
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = method
        request.headers = headers
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await client.execute(request, timeout: limit)
        return Answer(
            status: Int(response.status.code),
            headers: response.headers,
            text: String(buffer: try await response.body.collect(upTo: 4 << 20))
        )
    }
}
