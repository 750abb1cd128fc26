package import NIOCore
import NIOWebSocket

/// An open WebSocket, from either end. Its inbound side is a sequence of whole messages (fragments joined); pings are
/// answered and closes are returned without the owner's doing.
///
/// It lives inside the closure it is given to: when the closure returns, the socket is closed with 1000.
package struct WebSocket: Sendable {
    package enum Message: Sendable, Equatable {
        /// UTF-8 is not checked.
        case text(ByteBuffer)
        case binary(ByteBuffer)
    }

    /// How the other end closed; nil when the connection just broke.
    package struct Close: Sendable, Equatable {
        /// 1005 when the close frame carried none.
        package var code: UInt16
        package var reason: String

        package init(code: UInt16, reason: String) {
            self.code = code
            self.reason = reason
        }
    }

    package struct Inbound: AsyncSequence, Sendable {
        package typealias Element = Message

        package struct AsyncIterator: AsyncIteratorProtocol {
            fileprivate var base: WebSocketConnection.Messages.AsyncIterator

            @concurrent package mutating func next() async throws -> Message? { try await self.base.next() }
        }

        fileprivate let base: WebSocketConnection.Messages

        package func makeAsyncIterator() -> AsyncIterator { AsyncIterator(base: self.base.makeAsyncIterator()) }
    }

    let connection: WebSocketConnection

    /// Single use. Ends when the peer closes or the connection breaks; throws `WebSocketError` when the peer breaks
    /// the protocol or a limit.
    ///
    /// While the reader lags behind by many messages nothing more is read from the connection, pings and closes
    /// included. A reader that stops early has the rest thrown away.
    package var inbound: Inbound { Inbound(base: self.connection.messages) }

    /// After `inbound` ended: how.
    package var closedWith: Close? { self.connection.closedWith }

    /// Writes one text message and flushes; suspends while the socket's buffer is above its high-water mark.
    /// - Throws: `WebSocketError` with code `closed` when the connection is gone.
    package func send(text: ByteBuffer) async throws {
        try await self.connection.send(CollectionOfOne(text), opcode: .text)
    }

    /// Writes several text messages with one flush.
    package func send(texts: [ByteBuffer]) async throws {
        guard !texts.isEmpty else { return }
        try await self.connection.send(texts, opcode: .text)
    }

    /// Writes one binary message and flushes.
    package func send(binary: ByteBuffer) async throws {
        try await self.connection.send(CollectionOfOne(binary), opcode: .binary)
    }

    package func sendPing() async throws {
        try await self.connection.send(CollectionOfOne(ByteBuffer()), opcode: .ping)
    }

    /// When the last frame of any kind (a pong too) arrived.
    package var lastHeard: ContinuousClock.Instant { self.connection.lastHeard }

    /// Begins the closing handshake; `inbound` ends when the peer has answered or after a second.
    /// - Parameter reason: cut to the 123 bytes that fit.
    package func close(code: UInt16, reason: String) async throws {
        try await self.connection.beginClose(code: code, reason: reason)
    }

    /// Drops the connection without a closing handshake.
    package func abort() { self.connection.abort() }

    /// For an end that plays dead: takes nothing more from the connection until the peer takes it down. `inbound` is
    /// silent, pings get no answer, and a close is not returned.
    package func stopReading() { self.connection.stopReading() }
}
