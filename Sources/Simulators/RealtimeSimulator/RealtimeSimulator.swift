import HTTPTypes
import Hummingbird
package import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle
import Speech
import Synchronization
import WebSockets

/// Plays OpenAI's Realtime API (GA, WebSocket) at `/v1/realtime`: it hears real audio, answers by a script, and refuses
/// what the service refuses.
///
/// Run it as a service; `url` gives the address as soon as it listens.
package final class RealtimeSimulator: Service {
    package struct Configuration: Sendable {
        package var host = "127.0.0.1"
        /// 0 takes a free one.
        package var port = 0
        /// nil accepts any.
        package var apiKey: String?
        package var script = Script.demo

        package init() {}
    }

    /// Of a session that ended only the facts are kept.
    private enum Session {
        case open(SessionConnection)
        case ended(SessionSnapshot)

        var snapshot: SessionSnapshot {
            switch self {
            case .open(let connection): connection.snapshot()
            case .ended(let snapshot): snapshot
            }
        }
    }

    private struct State {
        var port: Int?
        var hasEnded = false
        var waiters: [CheckedContinuation<Int, Never>] = []
        var sessions: [Session] = []
        var refusedUpgrades = 0
        var refusals: [String] = []
    }

    private let configuration: Configuration
    private let progress: ScriptProgress
    private let logger: Logger
    private let state = Mutex(State())

    package init(configuration: Configuration = Configuration(), logger: Logger) {
        self.configuration = configuration
        self.progress = ScriptProgress(configuration.script)
        self.logger = logger
        // Made now, or the first call would wait for it.
        _ = AgentSpeech.standard
        _ = SpeechRecognizer.standard
    }

    package func run() async throws {
        let router = Router()
        router.get(RouterPath(Admission.path)) { _, _ in
            Response(status: .upgradeRequired, headers: [.upgrade: "websocket"])
        }
        let server = HTTPServer(
            host: self.configuration.host,
            port: self.configuration.port,
            router: router,
            // 15 MiB of audio, in base64.
            maxWebSocketMessageBytes: 21 << 20,
            webSocketsOnEventLoop: true,
            logger: self.logger,
            onBound: { port in self.bound(to: port) },
            upgrade: { request in self.upgrade(request) }
        )
        defer { self.ended() }
        try await server.run()
    }

    /// The port it listens on; waits until it does. 0 when it ended without ever listening.
    package var port: Int {
        get async {
            await withCheckedContinuation { continuation in
                let known: Int? = self.state.withLock { state in
                    if let port = state.port { return port }
                    if state.hasEnded { return 0 }
                    state.waiters.append(continuation)
                    return nil
                }
                if let known { continuation.resume(returning: known) }
            }
        }
    }

    /// What `OPENAI_REALTIME_URL` is to be.
    package var url: String {
        get async { "ws://\(self.configuration.host):\(await self.port)\(Admission.path)" }
    }

    /// All sessions that were ever opened, in their order.
    package var sessions: [SessionSnapshot] {
        self.state.withLock { $0.sessions }.map(\.snapshot)
    }

    /// How many upgrades were answered with an HTTP status.
    package var refusedUpgrades: Int {
        self.state.withLock { $0.refusedUpgrades }
    }

    /// The error codes of sockets that did not become a session.
    package var refusals: [String] {
        self.state.withLock { $0.refusals }
    }

    /// Breaks all open connections, as when the service fails.
    package func dropConnections() {
        for case .open(let connection) in self.state.withLock({ $0.sessions }) { connection.abort() }
    }

    private func bound(to port: Int) {
        let waiters = self.state.withLock { state in
            state.port = port
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(returning: port) }
    }

    private func ended() {
        let waiters = self.state.withLock { state in
            state.hasEnded = true
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters { waiter.resume(returning: 0) }
    }

    private func upgrade(_ request: HTTPRequest) -> HTTPServer.Upgrade {
        guard Admission.isMeant(by: request) else { return .notHere }
        if let status = self.progress.takeRefusal() {
            self.state.withLock { $0.refusedUpgrades += 1 }
            return .refuse(
                status: HTTPResponse.Status(code: status),
                contentType: "application/json",
                body: #"{"error":{"type":"server_error","code":null,"message":"Simulated.","param":null}}"#
            )
        }
        do {
            let admission = try Admission(request, apiKey: self.configuration.apiKey)
            return .accept { socket in await self.serve(socket, admission) }
        } catch {
            self.state.withLock { $0.refusals.append(error.error.code) }
            return .accept { socket in await Self.refuse(socket, error) }
        }
    }

    private func serve(_ socket: WebSocket, _ admission: Admission) async {
        let (connection, index) = self.state.withLock { state in
            let connection = SessionConnection(
                socket,
                admission: admission,
                number: self.progress.nextSession(),
                progress: self.progress,
                eventLoop: MultiThreadedEventLoopGroup.singleton.next()
            )
            state.sessions.append(.open(connection))
            return (connection, state.sessions.count - 1)
        }
        let id = connection.snapshot().id
        self.logger.info("Session opened", metadata: ["openai.session.id": "\(id)"])
        await connection.run()
        let facts = connection.snapshot()
        self.state.withLock { $0.sessions[index] = .ended(facts) }
        self.logger.info("Session ended", metadata: ["openai.session.id": "\(id)"])
    }

    private static func refuse(_ socket: WebSocket, _ refused: Admission.Refused) async {
        let error = refused.error
        let event: Wire = [
            "type": "error", "event_id": "event_refused",
            "error": [
                "type": .string(error.type), "code": .string(error.code), "message": .string(error.message),
                "param": nil, "event_id": nil,
            ],
        ]
        var buffer = ByteBuffer()
        event.write(to: &buffer)
        do {
            try await socket.send(text: buffer)
            try await socket.close(code: refused.closeCode, reason: refused.reason)
            for try await _ in socket.inbound {}
        } catch {
            // It left by itself.
        }
    }
}
