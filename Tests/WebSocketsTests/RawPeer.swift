import NIOCore
import NIOPosix

/// The other end by bytes and frames, to do what `WebSocketClient` would not.
struct RawPeer: Sendable {
    let channel: any Channel
    private let inbound: AsyncStream<ByteBuffer>

    /// - Parameter receiveBuffer: bytes that its kernel keeps unread, about.
    static func connect(port: Int, receiveBuffer: Int? = nil) async throws -> RawPeer {
        let (inbound, continuation) = AsyncStream.makeStream(of: ByteBuffer.self)
        var bootstrap = ClientBootstrap(group: loops)
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(receiveBuffer))
        }
        let channel =
            try await bootstrap
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Collector(continuation))
                }
            }
            .connect(host: "127.0.0.1", port: port)
            .get()
        return RawPeer(channel: channel, inbound: inbound)
    }

    /// Has it read, or leave what arrives to the kernel.
    func read(_ reads: Bool) async throws {
        try await self.channel.setOption(.autoRead, value: reads).get()
    }

    func send(_ text: String) async throws {
        try await self.channel.writeAndFlush(ByteBuffer(string: text)).get()
    }

    func send(_ bytes: [UInt8]) async throws {
        try await self.channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
    }

    /// Asks for `/socket` and returns what came behind the 101's head.
    func upgrade() async throws -> Reader {
        try await self.send(
            "GET /socket HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        var reader = self.reader()
        let head = try await reader.head()
        guard head.hasPrefix("HTTP/1.1 101") else { throw UnexpectedAnswer(head: head) }
        return reader
    }

    func reader() -> Reader { Reader(iterator: self.inbound.makeAsyncIterator()) }

    struct UnexpectedAnswer: Error {
        var head: String
    }

    struct Reader {
        fileprivate var iterator: AsyncStream<ByteBuffer>.AsyncIterator
        private var buffer = ByteBuffer()

        fileprivate init(iterator: AsyncStream<ByteBuffer>.AsyncIterator) { self.iterator = iterator }

        /// Everything up to the empty line.
        mutating func head() async throws -> String {
            while true {
                if let end = String(buffer: self.buffer).firstRange(of: "\r\n\r\n") {
                    let text = String(buffer: self.buffer)
                    let head = String(text[..<end.upperBound])
                    self.buffer.moveReaderIndex(forwardBy: head.utf8.count)
                    return head
                }
                guard await self.more() else { throw UnexpectedAnswer(head: String(buffer: self.buffer)) }
            }
        }

        /// An unmasked frame of at most 125 bytes: first byte and payload; nil at the end of the connection.
        mutating func frame() async -> (first: UInt8, payload: [UInt8])? {
            while true {
                if self.buffer.readableBytes >= 2,
                    let length = self.buffer.getInteger(at: self.buffer.readerIndex + 1, as: UInt8.self),
                    self.buffer.readableBytes >= 2 + Int(length),
                    let first = self.buffer.readBytes(length: 2)?.first,
                    let payload = self.buffer.readBytes(length: Int(length))
                {
                    return (first, payload)
                }
                guard await self.more() else { return nil }
            }
        }

        /// Everything until the connection ends.
        mutating func rest() async -> String {
            while await self.more() {}
            return String(buffer: self.buffer)
        }

        private mutating func more() async -> Bool {
            guard var part = await self.iterator.next(isolation: #isolation) else { return false }
            self.buffer.writeBuffer(&part)
            return true
        }
    }

    private final class Collector: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let continuation: AsyncStream<ByteBuffer>.Continuation

        init(_ continuation: AsyncStream<ByteBuffer>.Continuation) { self.continuation = continuation }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            self.continuation.yield(Self.unwrapInboundIn(data))
        }

        func channelInactive(context: ChannelHandlerContext) { self.continuation.finish() }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }
}

/// A frame as a client sends it, masked with zeros, so that the payload can be read in the test.
func maskedFrame(first: UInt8, _ payload: [UInt8]) -> [UInt8] {
    [first, 0x80 | UInt8(payload.count), 0, 0, 0, 0] + payload
}
