import NIOCore
import NIOPosix
import Synchronization

/// Ports on loopback that nobody listens on, for programs that must be told theirs.
///
/// Below the range from which the system takes the ports of outgoing connections, and never twice from one process.
package enum FreePorts {
    private static let given = Mutex<Set<Int>>([])

    package static func take() async throws -> Int {
        for _ in 0..<200 {
            let port = Int.random(in: 12_000..<32_000)
            guard self.given.withLock({ $0.insert(port).inserted }) else { continue }
            let server = try? await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .bind(host: "127.0.0.1", port: port)
                .get()
            guard let server else { continue }
            try await server.close()
            return port
        }
        throw TimedOut("a free port", limit: .zero)
    }
}
