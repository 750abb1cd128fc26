import CallEvents
import JSON
import NIOCore
import TwilioMedia

/// Twilio's end of one Media Stream, down to the bytes of the WebSocket: nothing between the socket and the frames, so
/// that 200 of them cost little. Confined to its channel's event loop.
final class PhoneStream: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What all streams have in common.
    struct Call: Sendable {
        var run: UInt32
        var authority: String
        var signature: String
        var tokens: StreamToken.Authority
        /// Unix seconds.
        var tokensExpireAt: Int64
        var load: StreamLoad
        /// The caller's audio, and the agent's.
        var inbound: FrameLedger
        var outbound: FrameLedger
        var clears: ClearTimes
    }

    private enum State {
        case upgrading
        case open
        case closed
    }

    private let call: Call
    private let stream: Int
    private let streamSid: String
    private let opened: EventLoopPromise<Void>
    private var state = State.upgrading
    private var received = ByteBuffer()
    private var context: ChannelHandlerContext?
    private var sequenceNumber: UInt64 = 0
    /// Marks that Twilio will return, and when what was sent before them has been played.
    private var marks = CircularBuffer<(name: String, due: UInt64)>()
    private var playedUntil: UInt64 = 0

    init(_ stream: Int, of call: Call, opened: EventLoopPromise<Void>) {
        self.stream = stream
        self.call = call
        self.streamSid = call.load.streamSid(stream)
        self.opened = opened
    }

    func channelActive(context: ChannelHandlerContext) {
        self.context = context
        let request = """
            GET /api/voice/stream HTTP/1.1\r
            Host: \(self.call.authority)\r
            Upgrade: websocket\r
            Connection: Upgrade\r
            Sec-WebSocket-Version: 13\r
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r
            X-Twilio-Signature: \(self.call.signature)\r
            \r

            """
        context.writeAndFlush(Self.wrapOutboundOut(ByteBuffer(string: request)), promise: nil)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var part = Self.unwrapInboundIn(data)
        if self.received.readableBytes == 0 {
            self.received = part
        } else {
            self.received.writeBuffer(&part)
        }
        if self.state == .upgrading { self.finishUpgrade() }
        while self.state == .open, let (opcode, payload) = self.received.readServerFrame() {
            switch opcode {
            case 1: self.take(payload)
            case 8: self.close()
            default: break
            }
        }
        if self.received.readableBytes == 0 { self.received = ByteBuffer() }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if self.state == .upgrading { self.opened.fail(StreamsError(description: "a stream was not accepted")) }
        self.state = .closed
        self.context = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// Sends 20 ms of the caller's audio, and the marks that are due.
    func speak(frame number: Int) {
        guard self.state == .open, let context = self.context else { return }
        let now = Clock.nanoseconds
        let tag = FrameTag(run: self.call.run, stream: self.stream, number: number, sentAt: now)
        self.call.inbound.sent(of: self.stream)
        self.write(
            .media(
                .init(
                    track: .inbound,
                    chunk: UInt64(number + 1),
                    timestampMs: UInt64(number) * 20,
                    payload: tag.payload
                )
            ),
            context
        )
        while let mark = self.marks.first, mark.due <= now { self.returnMark(context) }
        context.flush()
    }

    /// The call is over.
    func stop() {
        guard self.state == .open, let context = self.context else { return }
        let callSid = self.call.load.callSid(self.stream)
        self.write(.stop(accountSid: Self.accountSid, callSid: callSid), context)
        context.flush()
        self.close()
    }

    static let accountSid = "AC" + String(repeating: "0", count: 32)

    private func finishUpgrade() {
        let end = self.received.readableBytesView.firstRange(of: Array("\r\n\r\n".utf8))
        guard let end, let context = self.context else { return }
        let head = self.received.readString(length: end.upperBound - self.received.readerIndex) ?? ""
        guard head.hasPrefix("HTTP/1.1 101 ") else {
            self.state = .closed
            self.opened.fail(StreamsError(description: "a stream was refused: \(head)"))
            return context.close(promise: nil)
        }
        self.state = .open
        self.write(.connected(protocolName: "Call", version: "1.0.0"), context)
        if let callSid = CallSid(self.call.load.callSid(self.stream)) {
            let token = StreamToken(callSid: callSid, streamEpoch: 1, expiresAt: self.call.tokensExpireAt)
            let start = MediaStreamEvent.Start(
                streamSid: self.streamSid,
                accountSid: Self.accountSid,
                callSid: callSid,
                tracks: ["inbound"],
                customParameters: ["token": self.call.tokens.sign(token)]
            )
            self.write(.start(start), context)
        }
        context.flush()
        self.opened.succeed()
    }

    /// A message from the ingress.
    private func take(_ text: ByteBuffer) {
        let now = Clock.nanoseconds
        switch try? MediaStreamCommand(parsing: text, streamSid: self.streamSid) {
        case .media(let payload):
            self.call.outbound.arrived(FrameTag(payload))
            self.playedUntil = max(now, self.playedUntil) + StreamLoad.frameNanoseconds
        case .mark(let name):
            self.marks.append((name, self.playedUntil))
        case .clear:
            self.call.clears.arrived(self.stream, at: now)
            self.playedUntil = now
            guard let context = self.context else { return }
            while !self.marks.isEmpty { self.returnMark(context) }
            context.flush()
        case nil:
            self.call.outbound.arrived(nil)
        }
    }

    private func returnMark(_ context: ChannelHandlerContext) {
        self.write(.mark(name: self.marks.removeFirst().name), context)
    }

    private func write(_ event: MediaStreamEvent, _ context: ChannelHandlerContext) {
        var text = ByteBuffer()
        if case .connected = event {} else { self.sequenceNumber += 1 }
        event.write(to: &text, streamSid: self.streamSid, sequenceNumber: self.sequenceNumber)
        var frame = ByteBuffer()
        frame.writeClientFrame(opcode: 1, text)
        context.write(Self.wrapOutboundOut(frame), promise: nil)
    }

    private func close() {
        guard let context = self.context else { return }
        self.state = .closed
        var frame = ByteBuffer()
        frame.writeClientFrame(opcode: 8, ByteBuffer(integer: UInt16(1000)))
        context.writeAndFlush(Self.wrapOutboundOut(frame), promise: nil)
    }
}

extension ByteBuffer {
    /// A whole, masked frame of less than 64 KiB (RFC 6455, section 5.2).
    fileprivate mutating func writeClientFrame(opcode: UInt8, _ payload: ByteBuffer) {
        let count = payload.readableBytes
        self.reserveCapacity(count + 8)
        self.writeInteger(0x80 | opcode)
        if count < 126 {
            self.writeInteger(0x80 | UInt8(count))
        } else {
            self.writeInteger(0x80 | 126 as UInt8)
            self.writeInteger(UInt16(count))
        }
        let mask = UInt32.random(in: .min ... .max)
        self.writeInteger(mask)
        self.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { output in
            payload.withUnsafeReadableBytes { input in
                for index in 0..<count {
                    output[index] = input[index] ^ UInt8(truncatingIfNeeded: mask >> UInt32(24 - 8 * (index & 3)))
                }
            }
            return count
        }
    }

    /// The next whole frame, unmasked and not fragmented, as our server writes them; nil while it is not complete.
    fileprivate mutating func readServerFrame() -> (opcode: UInt8, payload: ByteBuffer)? {
        guard let first: UInt8 = self.getInteger(at: self.readerIndex),
            let short: UInt8 = self.getInteger(at: self.readerIndex + 1)
        else { return nil }
        var head = 2
        var count = Int(short)
        if short == 126 {
            guard let long: UInt16 = self.getInteger(at: self.readerIndex + 2) else { return nil }
            head = 4
            count = Int(long)
        }
        guard self.readableBytes >= head + count else { return nil }
        self.moveReaderIndex(forwardBy: head)
        return self.readSlice(length: count).map { (first & 0x0f, $0) }
    }
}
