import NIOCore
import Testing
import WebSockets

@Suite(.timeLimit(.minutes(1)))
struct SilenceWatchTests {
    /// Runs `body` on a socket that is looked after.
    private static func watching(
        _ limit: Duration,
        peer: @escaping @Sendable (WebSocket) async throws -> Void,
        _ body: @escaping @Sendable (WebSocket, SilenceWatch.Entry) async throws -> Void
    ) async throws {
        let watch = SilenceWatch(limit: limit)
        try await withServer(upgrade: accepting(peer)) { port, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await watch.run() }
                try await client().connect(to: "ws://127.0.0.1:\(port)/socket") { socket in
                    let entry = watch.add(socket)
                    defer { watch.remove(entry) }
                    try await body(socket, entry)
                }
                group.cancelAll()
            }
        }
    }

    @Test func `a peer that plays dead is left`() async throws {
        try await Self.watching(.milliseconds(400)) { socket in
            socket.stopReading()
            for try await _ in socket.inbound {}
        } _: { socket, entry in
            for try await _ in socket.inbound {}
            #expect(entry.wasSilent)
        }
    }

    @Test func `one that says nothing but answers stays, whether something is sent or not`() async throws {
        try await Self.watching(.seconds(4)) { socket in
            for try await _ in socket.inbound {}
        } _: { socket, entry in
            for sends in [false, true] {
                for _ in 0..<2 {
                    let heard = socket.lastHeard
                    while socket.lastHeard == heard {
                        if sends { try await socket.send(text: ByteBuffer(string: "text")) }
                        try await Task.sleep(for: .milliseconds(20))
                    }
                }
            }
            #expect(!entry.wasSilent)
        }
    }
}
