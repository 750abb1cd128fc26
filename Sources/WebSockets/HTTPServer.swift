package import HTTPTypes
package import Hummingbird
import HummingbirdCore
package import Logging
import NIOCore
import ServiceLifecycle

/// An HTTP server whose paths may also be WebSockets: Hummingbird routes the requests; `upgrade` decides on upgrades.
///
/// A WebSocket is possible only as the first request of a connection: an `Upgrade` on a kept-alive one goes to the
/// router. A proxy in front must not reuse connections for it.
///
/// Routes log with a logger of their own: that of their request context leaves out `info`.
package struct HTTPServer: Service {
    /// What an upgrade request is answered with.
    package enum Upgrade: Sendable {
        /// 101, then `handler` owns the socket.
        case accept(handler: @Sendable (WebSocket) async -> Void)
        /// Refused before the upgrade with this response.
        case refuse(status: HTTPResponse.Status, contentType: String, body: String)
        /// Not a WebSocket path: the router answers it as a plain request.
        case notHere
    }

    private let host: String
    private let port: Int
    private let responder: RouterResponder<BasicRequestContext>
    private let maxWebSocketMessageBytes: Int
    private let drain: Duration
    private let webSocketsOnEventLoop: Bool
    private let logger: Logger
    private let onBound: @Sendable (Int) async -> Void
    private let upgrade: @Sendable (HTTPRequest) async -> Upgrade

    /// - Parameters:
    ///   - port: 0 takes a free one.
    ///   - drain: how long open WebSockets may go on after a graceful shutdown began; then, and at once by default,
    ///     they are closed with 1001. Their owners see the shutdown as any service does.
    ///   - webSocketsOnEventLoop: runs the owner of a WebSocket, and its child tasks, on the event loop of its
    ///     connection: a message costs no change of thread, but an owner that blocks or computes long holds up others.
    ///   - onBound: called with the port when the server listens.
    ///   - upgrade: called with the head of each request that asks for a WebSocket.
    package init(
        host: String,
        port: Int,
        router: Router<BasicRequestContext>,
        maxWebSocketMessageBytes: Int = 1 << 20,
        drain: Duration = .zero,
        webSocketsOnEventLoop: Bool = false,
        logger: Logger,
        onBound: @escaping @Sendable (Int) async -> Void = { _ in },
        upgrade: (@Sendable (HTTPRequest) async -> Upgrade)? = nil
    ) {
        self.host = host
        self.port = port
        self.responder = router.buildResponder()
        self.maxWebSocketMessageBytes = maxWebSocketMessageBytes
        self.drain = drain
        self.webSocketsOnEventLoop = webSocketsOnEventLoop
        self.logger = logger
        self.onBound = onBound
        self.upgrade = upgrade ?? { _ in .notHere }
    }

    package func run() async throws {
        let onBound = self.onBound
        // Hummingbird tells at info that it listens; who gave `onBound` says it in its own words.
        var logger = self.logger
        if logger.logLevel == .info { logger.logLevel = .notice }
        let application = Application(
            responder: self.responder,
            server: HTTPServerBuilder { responder in
                HTTPOrWebSocketChannel(
                    responder: responder,
                    maxMessageBytes: self.maxWebSocketMessageBytes,
                    drain: TimeAmount(self.drain),
                    onEventLoop: self.webSocketsOnEventLoop,
                    upgrade: self.upgrade
                )
            },
            configuration: ApplicationConfiguration(address: .hostname(self.host, port: self.port)),
            onServerRunning: { channel in await onBound(channel.localAddress?.port ?? 0) },
            logger: logger
        )
        try await application.run()
    }
}
