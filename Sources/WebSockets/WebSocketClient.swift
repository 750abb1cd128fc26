package import NIOCore
package import NIOHTTP1

/// Opens WebSockets; wss verifies the server's certificate.
package struct WebSocketClient: Sendable {
    package struct Configuration: Sendable {
        package var connectTimeout: Duration = .seconds(10)
        package var maxMessageBytes = 16 << 20
        /// A PEM file of further trusted roots.
        package var trustedRootsFile: String?

        package init() {}
    }

    package init(configuration: Configuration = Configuration(), eventLoopGroup: any EventLoopGroup) {
    }

    /// Connects, runs `body`, and closes.
    /// - Throws: `WebSocketError` when no socket came about, or what `body` throws.
    package func connect<Result: Sendable>(
        to url: String,
        headers: HTTPHeaders = [:],
        body: @Sendable (WebSocket) async throws -> Result
    ) async throws -> Result {
        fatalError("stub")
    }
}
