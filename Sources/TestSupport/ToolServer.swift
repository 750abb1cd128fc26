package import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Synchronization
import WebSockets

/// Another system with a tool, which answers what it is told to.
package final class ToolServer: Sendable {
    package struct Request: Sendable {
        package var idempotencyKey: String
        package var signature: String
        package var body: String
    }

    package enum Answer: Sendable {
        case status(HTTPResponse.Status, String, after: Duration = .zero)
        /// It takes the request and never answers.
        case silence
    }

    private struct State {
        var requests: [Request] = []
        var answers: [Answer]
    }

    private let state: Mutex<State>

    /// - Parameter answers: one for each request; the last for all further ones.
    package init(_ answers: Answer...) {
        self.state = Mutex(State(answers: answers))
    }

    /// Serves while `body` runs with the tool's address.
    package func serve(_ body: (String) async throws -> Void) async throws {
        let (ports, bound) = AsyncStream.makeStream(of: Int.self)
        let router = Router()
        router.post("tool") { request, _ in try await self.answer(request) }
        let server = HTTPServer(
            host: "127.0.0.1",
            port: 0,
            router: router,
            logger: .quiet,
            onBound: { bound.yield($0) }
        )
        let services = RunningServices([server])
        for await port in ports {
            try await body("http://127.0.0.1:\(port)/tool")
            break
        }
        await services.crash()
    }

    package var requests: [Request] { self.state.withLock(\.requests) }

    private func answer(_ request: Hummingbird.Request) async throws -> Response {
        let body = try await request.body.collect(upTo: 1 << 16)
        let seen = Request(
            idempotencyKey: request.headers[HTTPField.Name("Idempotency-Key")!] ?? "",
            signature: request.headers[HTTPField.Name("LifeHub-Signature")!] ?? "",
            body: String(buffer: body)
        )
        let answer = self.state.withLock { state in
            state.requests.append(seen)
            return state.answers.count > 1 ? state.answers.removeFirst() : state.answers[0]
        }
        switch answer {
        case .status(let status, let text, let delay):
            try await Task.sleep(for: delay)
            return Response(status: status, body: ResponseBody(byteBuffer: ByteBuffer(string: text)))
        case .silence:
            try await Task.sleep(for: .seconds(600))
            return Response(status: .ok)
        }
    }
}
