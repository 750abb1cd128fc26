import CallEvents
import HTTPTypes
import Hummingbird
import JSON
import Kafka
import Logging
import NIOCore
import ServiceLifecycle
import Synchronization
import TestSupport
import TwilioMedia
import WebSockets

/// Twilio's REST API as far as a test scripts it: remembers each request and gives the answers it was told to, then
/// good ones.
final class TwilioStandIn: Sendable {
    struct Received: Sendable, Equatable {
        var method: String
        var path: String
        var authorization: String?
        var form: FormFields
    }

    enum Answer: Sendable {
        case status(Int, String)
        /// 429, with `Retry-After` if that is given.
        case throttled(retryAfter: Int?)
        /// The call is made, and nobody is told.
        case lost
        /// None, until the client gives up.
        case silence
    }

    private struct State {
        var received: [Received] = []
        var answers: [Answer] = []
        /// Of the calls that are to be created next; then any.
        var callSids: [CallSid]
    }

    private let state: Mutex<State>

    /// What was posted.
    var posted: [Received] { self.received.filter { $0.method == "POST" } }

    /// - Parameter callSid: of the first call that is created.
    init(callSid: CallSid) {
        self.state = Mutex(State(callSids: [callSid]))
    }

    var received: [Received] { self.state.withLock { $0.received } }

    func willAnswer(_ answers: Answer...) {
        self.state.withLock { $0.answers += answers }
    }

    func server(onBound: @escaping @Sendable (Int) -> Void) -> HTTPServer {
        let router = Router(context: BasicRequestContext.self)
        router.post("/2010-04-01/Accounts/:account/Calls.json") { request, _ in try await self.answer(request, 201) }
        router.post("/2010-04-01/Accounts/:account/Calls/:call") { request, _ in try await self.answer(request, 200) }
        router.get("/2010-04-01/Accounts/:account/Calls/:call") { request, _ in try await self.answer(request, 200) }
        return HTTPServer(host: "127.0.0.1", port: 0, router: router, logger: .quiet, onBound: { onBound($0) })
    }

    private func answer(_ request: Request, _ status: Int) async throws -> Response {
        let body = try await request.body.collect(upTo: 1 << 20)
        let received = Received(
            method: request.method.rawValue,
            path: request.uri.path,
            authorization: request.headers[.authorization],
            form: FormFields(parsing: body.readableBytesView)
        )
        let scripted = self.state.withLock { state -> Answer? in
            state.received.append(received)
            return state.answers.isEmpty ? nil : state.answers.removeFirst()
        }
        switch scripted ?? self.good(status, request) {
        case .status(let status, let text):
            return Self.response(status, text)
        case .throttled(let retryAfter):
            var response = Self.response(429, #"{"code":20429,"message":"Too Many Requests","status":429}"#)
            response.headers[.retryAfter] = retryAfter.map(String.init)
            return response
        case .lost:
            _ = self.good(status, request)
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: .seconds(30)) }
            return Response(status: .gatewayTimeout)
        case .silence:
            try? await cancelWhenGracefulShutdown { try await Task.sleep(for: .seconds(30)) }
            return Response(status: .gatewayTimeout)
        }
    }

    private func good(_ status: Int, _ request: Request) -> Answer {
        let callSid = self.state.withLock { state -> CallSid in
            status == 201 && !state.callSids.isEmpty ? state.callSids.removeFirst() : .random()
        }
        return .status(status, #"{"sid":"\#(callSid)","status":"queued"}"#)
    }

    private static func response(_ status: Int, _ text: String) -> Response {
        Response(
            status: .init(code: status),
            headers: [.contentType: "application/json"],
            body: .init(byteBuffer: ByteBuffer(string: text))
        )
    }
}
