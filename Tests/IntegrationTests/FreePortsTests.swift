import NIOCore
import NIOPosix
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct FreePortsTests {
    @Test func `a port that was taken is nobody else's, and a server can have it again and again`() async throws {
        let port = try await FreePorts.take()
        // As another process does that looks for a free port.
        await #expect(throws: IOError.self) { try await Self.listen(port, reusing: false) {} }
        for _ in 0..<2 {
            try await Self.listen(port, reusing: true) {
                let client = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                    .connect(host: "127.0.0.1", port: port).get()
                try await client.close()
            }
        }
        await #expect(throws: (any Error).self) {
            try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connect(host: "127.0.0.1", port: port).get()
        }
    }

    private static func listen(_ port: Int, reusing: Bool, body: () async throws -> Void) async throws {
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: reusing ? 1 : 0)
            .bind(host: "127.0.0.1", port: port).get()
        try await body()
        try await server.close()
    }
}
