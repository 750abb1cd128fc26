package import NIOCore

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
            package mutating func next() async throws -> Message? { fatalError("stub") }
        }

        package func makeAsyncIterator() -> AsyncIterator { fatalError("stub") }
    }

    /// Single use. Ends when the peer closes or the connection breaks; throws `WebSocketError` when the peer breaks
    /// the protocol or a limit.
    package var inbound: Inbound { fatalError("stub") }

    /// After `inbound` ended: how.
    package var closedWith: Close? { fatalError("stub") }

    /// Writes one text message and flushes; suspends while the socket's buffer is above its high-water mark.
    /// - Throws: when the connection is gone.
    package func send(text: ByteBuffer) async throws { fatalError("stub") }

    /// Writes several text messages with one flush.
    package func send(texts: [ByteBuffer]) async throws { fatalError("stub") }

    package func sendPing() async throws { fatalError("stub") }

    /// When the last frame of any kind (a pong too) arrived.
    package var lastHeard: ContinuousClock.Instant { fatalError("stub") }

    /// Begins the closing handshake; `inbound` ends when the peer has answered or after a second.
    package func close(code: UInt16, reason: String) async throws { fatalError("stub") }

    /// Drops the connection without a closing handshake.
    package func abort() { fatalError("stub") }
}

package struct WebSocketError: Error, Equatable {
    package enum Code: String, Sendable {
        /// The URL is not ws or wss.
        case badURL
        /// The server answered the upgrade with another status than 101: `status`.
        case notUpgraded
        case connectTimedOut
        case messageTooLarge
        case protocolViolation
        case closed
    }

    package var code: Code
    package var status: Int?
    package var detail: String

    package init(_ code: Code, status: Int? = nil, detail: String = "") {
        self.code = code
        self.status = status
        self.detail = detail
    }
}
