import Logging
import NIOCore
import NIOPosix
import ServiceLifecycle

/// Passes connections to a fixed port on to the port that the mock cluster took. Only a client's first connection comes
/// this way: the metadata it gets names the other port.
struct Forwarder: Service {
    private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    /// The port it listens on.
    let port: Int
    private let target: Int
    private let server: NIOAsyncChannel<Connection, Never>
    private let logger: Logger

    /// - Parameter port: 0 takes a free one.
    /// - Throws: `IOError`, with `EADDRINUSE` when the port is taken.
    init(port: Int, target: Int, logger: Logger) async throws {
        self.server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
            .bind(host: "127.0.0.1", port: port) { channel in
                channel.eventLoop.makeCompletedFuture { try Connection(wrappingChannelSynchronously: channel) }
            }
        self.port = self.server.channel.localAddress?.port ?? port
        self.target = target
        self.logger = logger
    }

    /// Ends without an error at a graceful shutdown or when cancelled.
    func run() async throws {
        do {
            try await self.accept()
        } catch is CancellationError {}
    }

    private func accept() async throws {
        try await cancelWhenGracefulShutdown {
            try await self.server.executeThenClose { connections in
                try await withThrowingDiscardingTaskGroup { group in
                    for try await connection in connections {
                        group.addTask { await self.forward(connection) }
                    }
                    group.cancelAll()
                }
            }
        }
    }

    /// Ends with its connection; what goes wrong with one concerns no other.
    private func forward(_ client: Connection) async {
        do {
            try await client.executeThenClose { fromClient, toClient in
                let broker = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                    .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                    .connect(host: "127.0.0.1", port: self.target) { channel in
                        channel.eventLoop.makeCompletedFuture { try Connection(wrappingChannelSynchronously: channel) }
                    }
                try await broker.executeThenClose { fromBroker, toBroker in
                    try await withThrowingTaskGroup(of: Void.self) { group in
                        group.addTask { try await Self.copy(fromClient, to: toBroker) }
                        group.addTask { try await Self.copy(fromBroker, to: toClient) }
                        try await group.next()
                        group.cancelAll()
                    }
                }
            }
        } catch {
            self.logger.debug("connection ended", metadata: ["error": "\(error)"])
        }
    }

    private static func copy(
        _ bytes: NIOAsyncChannelInboundStream<ByteBuffer>,
        to writer: NIOAsyncChannelOutboundWriter<ByteBuffer>
    ) async throws {
        for try await buffer in bytes { try await writer.write(buffer) }
    }
}
