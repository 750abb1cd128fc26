package import NIOCore
import NIOWebSocket
import Synchronization

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Has text messages to be written whenever the kernel takes some.
package protocol WebSocketSource: AnyObject, Sendable {
    /// Moves messages, in order, to `batch` while it has room; called on the socket's event loop.
    func fill(_ batch: inout WebSocket.Batch)
}

extension WebSocket {
    /// Messages that go out together.
    package struct Batch: Sendable {
        fileprivate let limit: Int
        fileprivate let encoding: FrameEncoding
        /// As they go out.
        package fileprivate(set) var frames = ByteBuffer()

        fileprivate init(limit: Int, encoding: FrameEncoding) {
            self.limit = limit
            self.encoding = encoding
        }

        /// One that no socket writes.
        package init(limit: Int) {
            self.init(limit: limit, encoding: FrameEncoding(masks: false))
        }

        /// Whether one more message, of any length, may be appended.
        package var hasRoom: Bool { self.frames.readableBytes < self.limit }

        package mutating func removeAll() { self.frames.clear() }

        package mutating func append(text: ByteBuffer) {
            self.encoding.append(text, opcode: .text, to: &self.frames)
        }
    }

    /// Writes what a source has, and takes from it only what the kernel can have at once: not more than `limit` bytes
    /// (and one message) are ever on their way, so that whoever owns the source can still change its mind about the
    /// rest. Where the system can, the kernel too keeps no more than twice `limit` that it has not sent.
    package func feed(limit: Int) -> WebSocketFeed {
        WebSocketFeed(self.connection, limit: limit)
    }
}

/// The writer of one socket's source.
package final class WebSocketFeed: Sendable {
    /// What is written in one turn of the event loop, which others wait for.
    private static let bytesPerTurn = 64 << 10

    private struct State: Sendable {
        var batch: WebSocket.Batch
        var isWriting = false
        var isDraining = false
        var isBroken = false
    }

    private let connection: WebSocketConnection
    private let isWoken = Atomic(false)
    private let state: NIOLoopBoundBox<State>

    init(_ connection: WebSocketConnection, limit: Int) {
        self.connection = connection
        let batch = WebSocket.Batch(limit: limit, encoding: connection.encoding)
        self.state = .makeBoxSendingValue(State(batch: batch), eventLoop: connection.channel.eventLoop)
        #if !canImport(Darwin)
            // As much as the kernel may hold unsent; refused by what is no TCP socket, which then holds what it wants.
            connection.channel.setOption(
                ChannelOptions.Types.SocketOption(level: .tcp, name: .init(rawValue: TCP_NOTSENT_LOWAT)),
                value: .init(2 * limit)
            )
            .whenComplete { _ in }
        #endif
    }

    /// Tells that `source` has something; from any thread.
    package func wake(_ source: any WebSocketSource) {
        guard !self.isWoken.exchange(true, ordering: .acquiringAndReleasing) else { return }
        self.connection.channel.eventLoop.execute { self.drain(source) }
    }

    /// Writes until the source is empty or the kernel takes no more.
    private func drain(_ source: any WebSocketSource) {
        // Before the source is asked: what it gets from now on wakes again.
        self.isWoken.store(false, ordering: .sequentiallyConsistent)
        guard !self.state.value.isDraining else { return }
        self.state.value.isDraining = true
        defer { self.state.value.isDraining = false }
        var written = 0
        while !self.state.value.isWriting, !self.state.value.isBroken, !self.connection.isClosed {
            guard written < Self.bytesPerTurn else { return self.wake(source) }
            self.state.value.batch.removeAll()
            source.fill(&self.state.value.batch)
            let frames = self.state.value.batch.frames
            guard frames.readableBytes > 0 else { return }
            written += frames.readableBytes
            self.state.value.isWriting = true
            // Done at once unless the kernel is full.
            self.connection.channel.writeAndFlush(frames).whenComplete { result in
                self.state.value.isWriting = false
                if case .failure = result { self.state.value.isBroken = true }
                self.drain(source)
            }
        }
    }
}
