import NIOCore
import NIOPosix
import ServiceLifecycle

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Listens on the port that was asked for and passes each connection on to the cluster, byte for byte.
struct BootstrapForwarder: Service {
    struct PortInUse: Error, CustomStringConvertible {
        var port: Int
        var description: String { "port \(self.port) is in use; choose another with --port" }
    }

    private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    let port: Int
    /// `host:port`.
    let target: String
    let onBound: @Sendable (Int) -> Void

    init(port: Int, to target: String, onBound: @escaping @Sendable (Int) -> Void) {
        self.port = port
        self.target = target
        self.onBound = onBound
    }

    func run() async throws {
        let server = try await self.listen()
        self.onBound(server.channel.localAddress?.port ?? self.port)
        try await cancelWhenGracefulShutdown {
            try await server.executeThenClose { connections in
                try await withThrowingDiscardingTaskGroup { group in
                    for try await connection in connections {
                        group.addTask { await self.forward(connection) }
                    }
                }
            }
        }
    }

    private func listen() async throws -> NIOAsyncChannel<Connection, Never> {
        do {
            return try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(.tcpOption(.tcp_nodelay), value: 1)
                .bind(host: "127.0.0.1", port: self.port) { channel in
                    channel.eventLoop.makeCompletedFuture { try Connection(wrappingChannelSynchronously: channel) }
                }
        } catch let error as IOError where error.errnoCode == EADDRINUSE {
            throw PortInUse(port: self.port)
        }
    }

    /// One client's connection, until either side closes. Its errors are its own: the client connects again.
    private func forward(_ client: Connection) async {
        try? await client.executeThenClose { fromClient, toClient in
            let address = self.target.split(separator: ":")
            let cluster = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .channelOption(.tcpOption(.tcp_nodelay), value: 1)
                .connect(host: String(address[0]), port: Int(address[1]) ?? 0) { channel in
                    channel.eventLoop.makeCompletedFuture { try Connection(wrappingChannelSynchronously: channel) }
                }
            try await cluster.executeThenClose { fromCluster, toCluster in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { for try await bytes in fromClient { try await toCluster.write(bytes) } }
                    group.addTask { for try await bytes in fromCluster { try await toClient.write(bytes) } }
                    try await group.next()
                    group.cancelAll()
                }
            }
        }
    }
}
