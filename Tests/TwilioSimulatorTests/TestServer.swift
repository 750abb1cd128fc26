import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Synchronization
import TwilioMedia
import WebSockets

/// Plays the customer's server: answers webhooks with TwiML, takes media streams, and notes everything it is asked.
final class TestServer: Sendable {
    static let authToken = "0123456789abcdef0123456789abcdef"

    struct Received: Sendable {
        var method: String
        var path: String
        var query: String?
        var fields: FormFields
        var headers: HTTPFields
        var hasValidSignature: Bool
        var at = ContinuousClock.now
    }

    struct Answer: Sendable {
        var status = HTTPResponse.Status.ok
        var contentType = "text/xml"
        var body: String

        static func response(_ verbs: String) -> Answer { Answer(body: "<Response>\(verbs)</Response>") }
        static let noContent = Answer(status: .noContent, body: "")
    }

    private let webhook: @Sendable (Received, TestServer) async -> Answer
    private let stream: @Sendable (TestStream) async -> Void
    private let log = Mutex<[Received]>([])
    private let bound = Mutex<Int?>(nil)

    /// - Parameters:
    ///   - webhook: answers what is not a status callback.
    ///   - stream: owns each socket on `/stream`.
    init(
        webhook: @escaping @Sendable (Received, TestServer) async -> Answer,
        stream: @escaping @Sendable (TestStream) async -> Void = { await $0.readToEnd() }
    ) {
        self.webhook = webhook
        self.stream = stream
    }

    var received: [Received] { self.log.withLock { $0 } }

    func received(_ path: String) -> [Received] { self.received.filter { $0.path == path } }

    var port: Int? { self.bound.withLock { $0 } }

    func url(_ path: String) -> String { "http://127.0.0.1:\(self.port ?? 0)\(path)" }

    var streamURL: String { "ws://127.0.0.1:\(self.port ?? 0)/stream" }

    /// The verbs of a stream, with `action` when it is given.
    func connect(action: String? = nil, parameters: [String: String] = [:]) -> String {
        let attribute = action.map { " action=\"\($0)\"" } ?? ""
        let children = parameters.sorted { $0.key < $1.key }
            .map { "<Parameter name=\"\($0.key)\" value=\"\($0.value)\"/>" }
            .joined()
        return "<Connect\(attribute)><Stream url=\"\(self.streamURL)\">\(children)</Stream></Connect>"
    }

    func run() async throws {
        let router = Router(context: BasicRequestContext.self)
        for method in [HTTPRequest.Method.get, .post] {
            router.on("**", method: method) { request, _ in try await self.answer(request) }
        }
        let server = HTTPServer(
            host: "127.0.0.1",
            port: 0,
            router: router,
            logger: Logger(label: "test-server", factory: { _ in SwiftLogNoOpLogHandler() }),
            onBound: { port in self.bound.withLock { $0 = port } },
            upgrade: { request in self.upgrade(request) }
        )
        try await server.run()
    }

    private func answer(_ request: Request) async throws -> Response {
        let body = try await request.body.collect(upTo: 1 << 20)
        let fields = FormFields(parsing: body.readableBytesView)
        let received = self.note(
            request.head,
            path: request.uri.path,
            query: request.uri.query,
            fields: fields,
            content: request.method == .post ? .form(fields) : .none,
            url: self.url(request.head.path ?? "")
        )
        let answer = received.path == "/status" ? .noContent : await self.webhook(received, self)
        return Response(
            status: answer.status,
            headers: [.contentType: answer.contentType],
            body: .init(byteBuffer: ByteBuffer(string: answer.body))
        )
    }

    private func upgrade(_ request: HTTPRequest) -> HTTPServer.Upgrade {
        let received = self.note(
            request,
            path: request.path ?? "",
            query: nil,
            fields: FormFields(),
            content: .none,
            url: "ws://127.0.0.1:\(self.port ?? 0)\(request.path ?? "")"
        )
        guard received.path == "/stream" else {
            return .refuse(status: .forbidden, contentType: "text/plain", body: "no")
        }
        return .accept { socket in await self.stream(TestStream(socket: socket)) }
    }

    private func note(
        _ head: HTTPRequest,
        path: String,
        query: String?,
        fields: FormFields,
        content: TwilioSignature.Content,
        url: String
    ) -> Received {
        let signature = HTTPField.Name("X-Twilio-Signature").flatMap { head.headerFields[$0] } ?? ""
        let received = Received(
            method: head.method.rawValue,
            path: path,
            query: query,
            fields: fields,
            headers: head.headerFields,
            hasValidSignature: signature
                == TwilioSignature(authToken: Self.authToken).compute(url: url, content: content)
        )
        self.log.withLock { $0.append(received) }
        return received
    }
}
