import NIOCore
import NIOWebSocket
import Synchronization

/// One end of a WebSocket, between its owner's task and `WebSocketHandler` on the event loop.
final class WebSocketConnection: Sendable {
    typealias Messages = NIOThrowingAsyncSequenceProducer<
        WebSocket.Message,
        any Error,
        NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark,
        WebSocketHandler.Delegate
    >

    /// Bytes given to the channel that the kernel has not taken yet, above which `send` waits.
    static let highWaterBytes = 256 << 10

    private struct Waiter {
        var id: Int
        var bytes: Int
        var continuation: CheckedContinuation<Void, any Error>
    }

    private struct State {
        var unwritten = 0
        var sends: UInt64 = 0
        var pingIsDue = false
        var isClosed = false
        var closedWith: WebSocket.Close?
        var lastHeard = ContinuousClock.now
        var waiters: [Waiter] = []
        var nextWaiter = 0
    }

    let channel: any Channel
    let messages: Messages
    let encoding: FrameEncoding
    private let state = Mutex(State())

    init(channel: any Channel, messages: Messages, encoding: FrameEncoding) {
        self.channel = channel
        self.messages = messages
        self.encoding = encoding
    }

    var isClosed: Bool { self.state.withLock { $0.isClosed } }

    var closedWith: WebSocket.Close? { self.state.withLock { $0.closedWith } }

    var lastHeard: ContinuousClock.Instant { self.state.withLock { $0.lastHeard } }

    /// How often something was sent; a ping that had to go by itself does not count.
    var sends: UInt64 { self.state.withLock { $0.sends } }

    /// Asked for, but not sent yet.
    var pingIsDue: Bool { self.state.withLock { $0.pingIsDue } }

    func pingWithNext() {
        self.state.withLock { $0.pingIsDue = true }
    }

    /// Not when the kernel takes nothing more: a peer that does not read does not answer either.
    func pingNow() {
        let isPossible = self.state.withLock { state in
            state.pingIsDue = false
            return !state.isClosed && state.unwritten < Self.highWaterBytes
        }
        guard isPossible else { return }
        var frame = self.channel.allocator.buffer(capacity: FrameEncoding.maximumOverhead)
        self.encoding.append(ByteBuffer(), opcode: .ping, to: &frame)
        self.channel.writeAndFlush(frame, promise: nil)
    }

    func send(_ payloads: some Collection<ByteBuffer>, opcode: WebSocketOpcode) async throws {
        let capacity = payloads.reduce(FrameEncoding.maximumOverhead) {
            $0 + $1.readableBytes + FrameEncoding.maximumOverhead
        }
        var frames = self.channel.allocator.buffer(capacity: capacity)
        for payload in payloads {
            self.encoding.append(payload, opcode: opcode, to: &frames)
        }
        let pings = self.state.withLock { state in
            defer { state.pingIsDue = false }
            state.sends += 1
            return state.pingIsDue
        }
        if pings { self.encoding.append(ByteBuffer(), opcode: .ping, to: &frames) }
        let bytes = frames.readableBytes
        try await self.reserve(bytes)
        self.channel.writeAndFlush(frames).whenComplete { _ in self.release(bytes) }
    }

    func beginClose(code: UInt16, reason: String) async throws {
        if self.state.withLock({ $0.isClosed }) { throw WebSocketError(.closed) }
        self.channel.triggerUserOutboundEvent(WebSocketHandler.CloseRequest(code: code, reason: reason), promise: nil)
    }

    func abort() {
        self.channel.close(mode: .all, promise: nil)
    }

    func stopReading() {
        self.channel.setOption(.autoRead, value: false).whenComplete { _ in }
    }

    /// The owner is done: closes and returns when the connection is gone, at most about a second later.
    func finish(code: UInt16) async {
        let request = WebSocketHandler.CloseRequest(code: code, reason: "", discardsInbound: true)
        self.channel.triggerUserOutboundEvent(request, promise: nil)
        // That the connection is gone is enough; how is not asked.
        try? await self.channel.closeFuture.get()
    }

    // From the event loop.

    func heard() {
        let now = ContinuousClock.now
        self.state.withLock { $0.lastHeard = now }
    }

    /// Nothing can be sent any more.
    /// - Parameter close: the peer's close frame.
    func closed(with close: WebSocket.Close? = nil) {
        let waiters = self.state.withLock { state in
            state.isClosed = true
            state.closedWith = state.closedWith ?? close
            defer { state.waiters = [] }
            return state.waiters
        }
        for waiter in waiters {
            waiter.continuation.resume(throwing: WebSocketError(.closed))
        }
    }

    /// Waits until there is room.
    private func reserve(_ bytes: Int) async throws {
        let id: Int? = try self.state.withLock { state in
            if state.isClosed { throw WebSocketError(.closed) }
            guard state.waiters.isEmpty, state.unwritten < Self.highWaterBytes else {
                state.nextWaiter += 1
                return state.nextWaiter
            }
            state.unwritten += bytes
            return nil
        }
        guard let id else { return }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                self.wait(Waiter(id: id, bytes: bytes, continuation: continuation))
            }
        } onCancel: {
            let waiter = self.state.withLock { state in
                state.waiters.firstIndex { $0.id == id }.map { state.waiters.remove(at: $0) }
            }
            waiter?.continuation.resume(throwing: CancellationError())
        }
    }

    /// Enqueues `waiter`, unless there is room by now, the connection is gone or the task was cancelled.
    private func wait(_ waiter: Waiter) {
        let outcome: Result<Void, any Error>? = self.state.withLock { state in
            // The cancellation handler takes the same lock: it runs either before this, or finds the waiter.
            if Task.isCancelled { return .failure(CancellationError()) }
            if state.isClosed { return .failure(WebSocketError(.closed)) }
            if state.waiters.isEmpty, state.unwritten < Self.highWaterBytes {
                state.unwritten += waiter.bytes
                return .success(())
            }
            state.waiters.append(waiter)
            return nil
        }
        if let outcome { waiter.continuation.resume(with: outcome) }
    }

    private func release(_ bytes: Int) {
        let admitted = self.state.withLock { state in
            state.unwritten -= bytes
            var admitted: [CheckedContinuation<Void, any Error>] = []
            while let next = state.waiters.first, state.unwritten < Self.highWaterBytes {
                state.waiters.removeFirst()
                state.unwritten += next.bytes
                admitted.append(next.continuation)
            }
            return admitted
        }
        for continuation in admitted {
            continuation.resume()
        }
    }
}
