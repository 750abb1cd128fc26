import NIOCore
import NIOPosix
import Synchronization
import TwilioMedia

/// A TCP connection to the ingress that sends what it is told, and answers nothing: no pings, no close.
final class RawConnection: Sendable {
    private let channel: any Channel
    private let state: Mutex<State>

    private struct State {
        var received = ByteBuffer()
        var isClosed = false
    }

    /// - Parameter receiveBuffer: bytes that its kernel keeps unread, about.
    static func open(port: Int, receiveBuffer: Int? = nil) async throws -> RawConnection {
        let collector = Collector()
        var bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(collector) }
            }
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: .init(receiveBuffer))
        }
        let channel = try await bootstrap.connect(host: "127.0.0.1", port: port).get()
        let connection = RawConnection(channel)
        collector.connection.withLock { $0 = connection }
        return connection
    }

    private init(_ channel: any Channel) {
        self.channel = channel
        self.state = Mutex(State())
    }

    /// Everything that was read so far.
    var received: ByteBuffer { self.state.withLock { $0.received } }
    var isClosed: Bool { self.state.withLock { $0.isClosed } }

    /// The payloads of the frames behind the head of a 101.
    var messages: [String] {
        var bytes = self.received
        let text = String(buffer: bytes)
        guard let head = text.firstRange(of: "\r\n\r\n") else { return [] }
        bytes.moveReaderIndex(forwardBy: text[..<head.upperBound].utf8.count)
        var messages: [String] = []
        while let payload = bytes.readUnmaskedFrame() { messages.append(payload) }
        return messages
    }

    func send(_ bytes: ByteBuffer) async throws {
        try await self.channel.writeAndFlush(bytes).get()
    }

    /// Has it read, or leave what arrives to the kernel.
    func read(_ reads: Bool) async throws {
        try await self.channel.setOption(.autoRead, value: reads).get()
    }

    /// Says that nothing more comes.
    func endSending() async {
        try? await self.channel.close(mode: .output).get()
    }

    func close() async {
        try? await self.channel.close().get()
    }

    /// Sends a message as a frame with a mask of zeros.
    func send(text: ByteBuffer) async throws {
        var frame = ByteBuffer()
        frame.writeInteger(UInt8(0x81))
        if text.readableBytes < 126 {
            frame.writeInteger(0x80 | UInt8(text.readableBytes))
        } else {
            frame.writeInteger(UInt8(0x80 | 126))
            frame.writeInteger(UInt16(text.readableBytes))
        }
        frame.writeInteger(UInt32(0))
        frame.writeImmutableBuffer(text)
        try await self.send(frame)
    }

    private final class Collector: ChannelInboundHandler, Sendable {
        typealias InboundIn = ByteBuffer

        let connection = Mutex<RawConnection?>(nil)

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let part = Self.unwrapInboundIn(data)
            self.connection.withLock { $0 }?.state.withLock { _ = $0.received.writeImmutableBuffer(part) }
        }

        func channelInactive(context: ChannelHandlerContext) {
            self.connection.withLock { $0 }?.state.withLock { $0.isClosed = true }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {
            context.close(promise: nil)
        }
    }
}

extension ByteBuffer {
    /// A frame of the server, up to 65,535 bytes.
    fileprivate mutating func readUnmaskedFrame() -> String? {
        guard let short = self.getInteger(at: self.readerIndex + 1, as: UInt8.self) else { return nil }
        var header = 2
        var length = Int(short)
        if short == 126 {
            guard let long = self.getInteger(at: self.readerIndex + 2, as: UInt16.self) else { return nil }
            (header, length) = (4, Int(long))
        }
        guard self.readableBytes >= header + length else { return nil }
        self.moveReaderIndex(forwardBy: header)
        return self.readString(length: length)
    }
}

extension Ingress {
    /// A Media Stream that has begun, on a connection that answers nothing.
    func rawCall(receiveBuffer: Int? = nil) async throws -> RawConnection {
        let signature = TwilioSignature(authToken: Self.authToken).compute(url: "ws://127.0.0.1:9/api/voice/stream")
        let connection = try await RawConnection.open(port: self.port, receiveBuffer: receiveBuffer)
        let request =
            "GET /api/voice/stream HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            + "X-Twilio-Signature: \(signature)\r\n\r\n"
        try await connection.send(ByteBuffer(string: request))
        var text = ByteBuffer()
        MediaStreamEvent.start(
            .init(
                streamSid: PhoneLine.streamSid,
                accountSid: Self.accountSid,
                callSid: self.callSid,
                customParameters: ["token": self.token()]
            )
        )
        .write(to: &text, streamSid: PhoneLine.streamSid, sequenceNumber: 1)
        try await connection.send(text: text)
        return connection
    }
}
