import Hummingbird
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import Synchronization
import WebSockets

/// The group of every client and raw peer in these tests.
let loops = MultiThreadedEventLoopGroup.singleton

/// Runs a server on a free port, `body` against it, and shuts it down.
func withServer(
    maxMessageBytes: Int = 1 << 20,
    drain: Duration = .zero,
    webSocketsOnEventLoop: Bool = false,
    upgrade: @escaping @Sendable (HTTPRequest) async -> HTTPServer.Upgrade,
    body: @Sendable (_ port: Int, _ shutDown: @escaping @Sendable () async -> Void) async throws -> Void
) async throws {
    let router = Router()
    router.get("plain") { _, _ in "a plain answer" }
    router.post("echo") { request, _ in try await String(buffer: request.body.collect(upTo: 1 << 16)) }
    router.get("socket") { _, _ in Response(status: .upgradeRequired) }
    let (bound, binding) = AsyncStream.makeStream(of: Int.self)
    var logger = Logger(label: "test")
    logger.logLevel = .error
    let server = HTTPServer(
        host: "127.0.0.1",
        port: 0,
        router: router,
        maxWebSocketMessageBytes: maxMessageBytes,
        drain: drain,
        webSocketsOnEventLoop: webSocketsOnEventLoop,
        logger: logger,
        onBound: { binding.yield($0) },
        upgrade: upgrade
    )
    let group = ServiceGroup(services: [server], logger: logger)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
        tasks.addTask { try await group.run() }
        for await port in bound {
            try await body(port) { await group.triggerGracefulShutdown() }
            break
        }
        await group.triggerGracefulShutdown()
        try await tasks.waitForAll()
    }
}

/// Accepts every upgrade of `/socket` with `handler`.
func accepting(
    _ handler: @escaping @Sendable (WebSocket) async throws -> Void
) -> @Sendable (HTTPRequest) async -> HTTPServer.Upgrade {
    { request in
        guard request.path == "/socket" else { return .notHere }
        return .accept { socket in try? await handler(socket) }
    }
}

/// Sends every message back.
@Sendable func echo(_ socket: WebSocket) async throws {
    for try await message in socket.inbound {
        switch message {
        case .text(let text): try await socket.send(text: text)
        case .binary(let bytes): try await socket.send(binary: bytes)
        }
    }
}

/// A value that one task sets and another waits for.
final class Promised<Value: Sendable>: Sendable {
    private let values: AsyncStream<Value>
    private let continuation: AsyncStream<Value>.Continuation

    init() {
        (self.values, self.continuation) = AsyncStream.makeStream()
    }

    func fulfil(_ value: Value) { self.continuation.yield(value) }

    func value() async -> Value? {
        for await value in self.values { return value }
        return nil
    }
}

func client(maxMessageBytes: Int = 1 << 20, connectTimeout: Duration = .seconds(10)) -> WebSocketClient {
    var configuration = WebSocketClient.Configuration()
    configuration.maxMessageBytes = maxMessageBytes
    configuration.connectTimeout = connectTimeout
    return WebSocketClient(configuration: configuration, eventLoopGroup: loops)
}

/// Counts from one task what another waits for.
final class Counter: Sendable {
    private let count = Mutex(0)

    var value: Int { self.count.withLock { $0 } }

    func increment() { self.count.withLock { $0 += 1 } }

    /// Waits until the count is above zero and has not moved for a while; returns it.
    func stalled() async throws -> Int {
        var last = 0
        var since = ContinuousClock.now
        while last == 0 || .now - since < .milliseconds(300) {
            try await Task.sleep(for: .milliseconds(10))
            if self.value != last {
                last = self.value
                since = .now
            }
        }
        return last
    }
}
