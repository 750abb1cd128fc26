package import HTTPTypes
package import Hummingbird
package import Logging
import ServiceLifecycle

/// An HTTP server whose paths may also be WebSockets: Hummingbird routes the requests; `upgrade` decides on upgrades.
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

    /// - Parameters:
    ///   - port: 0 takes a free one.
    ///   - onBound: called with the port when the server listens.
    ///   - upgrade: called with the head of each request that asks for a WebSocket.
    package init(
        host: String,
        port: Int,
        router: Router<BasicRequestContext>,
        maxWebSocketMessageBytes: Int = 1 << 20,
        logger: Logger,
        onBound: @escaping @Sendable (Int) async -> Void = { _ in },
        upgrade: (@Sendable (HTTPRequest) async -> Upgrade)? = nil
    ) {
    }

    package func run() async throws { fatalError("stub") }
}
