package import NIOCore
package import NIOHTTP1
import NIOPosix
import NIOSSL
import NIOWebSocket
import Synchronization

/// Opens WebSockets; wss verifies the server's certificate.
package struct WebSocketClient: Sendable {
    package struct Configuration: Sendable {
        /// For all of the TCP connection, TLS and the upgrade.
        package var connectTimeout: Duration = .seconds(10)
        package var maxMessageBytes = 16 << 20
        /// A PEM file of further trusted roots.
        package var trustedRootsFile: String?

        package init() {}
    }

    /// Each connection keeps what it reads into, and there are many.
    private static let receiving = AdaptiveRecvByteBufferAllocator(minimum: 1 << 10, initial: 2 << 10, maximum: 8 << 10)

    private let configuration: Configuration
    private var eventLoopGroup: any EventLoopGroup
    private let tls: LazyTLSContext

    package init(configuration: Configuration = Configuration(), eventLoopGroup: any EventLoopGroup) {
        self.configuration = configuration
        self.eventLoopGroup = eventLoopGroup
        self.tls = LazyTLSContext(trustedRootsFile: configuration.trustedRootsFile)
    }

    /// The same client, all of whose sockets are on that event loop.
    package func on(_ eventLoop: any EventLoop) -> WebSocketClient {
        var client = self
        client.eventLoopGroup = eventLoop
        return client
    }

    /// Connects, runs `body`, and closes: with 1000, or 1011 when `body` throws.
    /// - Throws: `WebSocketError` when no socket came about, or what `body` throws.
    package func connect<Result: Sendable>(
        to url: String,
        headers: HTTPHeaders = [:],
        body: @Sendable (WebSocket) async throws -> Result
    ) async throws -> Result {
        let connection = try await self.open(WebSocketURL(url), headers: headers)
        let result: Result
        do {
            result = try await body(WebSocket(connection: connection))
        } catch {
            await connection.finish(code: 1011)
            throw error
        }
        await connection.finish(code: 1000)
        return result
    }

    private func open(_ url: WebSocketURL, headers: HTTPHeaders) async throws -> WebSocketConnection {
        let deadline = NIODeadline.now() + TimeAmount(self.configuration.connectTimeout)
        let tls = try url.isSecure ? self.tls.context() : nil
        let maxMessageBytes = self.configuration.maxMessageBytes
        let attempt: ClientUpgrade.Attempt
        do {
            attempt = try await ClientBootstrap(group: self.eventLoopGroup)
                .connectTimeout(TimeAmount(self.configuration.connectTimeout))
                .channelOption(.socketOption(.tcp_nodelay), value: 1)
                .channelOption(.recvAllocator, value: Self.receiving)
                .connect(host: url.host, port: url.port) { channel in
                    channel.eventLoop.makeCompletedFuture {
                        if let tls {
                            try channel.pipeline.syncOperations.addHandler(
                                NIOSSLClientHandler(context: tls, serverHostname: url.serverName)
                            )
                        }
                        return try ClientUpgrade.start(
                            on: channel,
                            url: url,
                            headers: headers,
                            maxMessageBytes: maxMessageBytes
                        )
                    }
                }
        } catch is CancellationError {
            throw CancellationError()
        } catch ChannelError.connectTimeout {
            throw WebSocketError(.connectTimedOut)
        } catch {
            throw WebSocketError(.connectFailed, detail: "\(error)")
        }
        return try await attempt.connection(deadline: deadline)
    }
}

/// A TLS context is costly (it reads the system's roots) and shared by all connections of a client.
private final class LazyTLSContext: Sendable {
    private let trustedRootsFile: String?
    private let made = Mutex<NIOSSLContext?>(nil)

    init(trustedRootsFile: String?) {
        self.trustedRootsFile = trustedRootsFile
    }

    func context() throws -> NIOSSLContext {
        try self.made.withLock { made in
            if let made { return made }
            var configuration = TLSConfiguration.makeClientConfiguration()
            configuration.applicationProtocols = ["http/1.1"]
            do {
                if let file = self.trustedRootsFile {
                    configuration.additionalTrustRoots = [.certificates(try NIOSSLCertificate.fromPEMFile(file))]
                }
                let context = try NIOSSLContext(configuration: configuration)
                made = context
                return context
            } catch {
                throw WebSocketError(.connectFailed, detail: "TLS configuration: \(error)")
            }
        }
    }
}
