import NIOCore
import NIOPosix

/// Lies between realtime-session and the simulated model and sees every message of both, without changing a byte.
final class ModelRelay: Sendable {
    /// What passes a connection; called on its event loop, with a time of `Clock.nanoseconds`.
    protocol Observer: AnyObject, Sendable {
        /// - Parameter safetyIdentifier: of the upgrade request.
        func opened(_ safetyIdentifier: String) -> Int?
        /// - Parameter bytes: of audio.
        func appended(_ place: Int, bytes: Int, at now: UInt64)
        func audio(_ place: Int, bytes: Int, at now: UInt64)
        func audioDone(_ place: Int, at now: UInt64)
    }

    private let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    private let channel: any Channel

    var port: Int { self.channel.localAddress?.port ?? 0 }

    /// - Parameter port: of the model.
    init(to port: Int, _ observer: any Observer) async throws {
        self.channel = try await ServerBootstrap(group: self.group)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { session in
                ClientBootstrap(group: session.eventLoop)
                    .channelOption(.socketOption(.tcp_nodelay), value: 1)
                    .connect(host: "127.0.0.1", port: port)
                    .flatMapThrowing { model in
                        let watch = ModelWatch(observer)
                        try session.pipeline.syncOperations.addHandler(
                            Pipe(to: model) { watch.fromSession($0) }
                        )
                        try model.pipeline.syncOperations.addHandler(Pipe(to: session) { watch.fromModel($0) })
                    }
            }
            .bind(host: "127.0.0.1", port: 0)
            .get()
    }

    func close() async throws {
        try await self.channel.close()
        try await self.group.shutdownGracefully()
    }
}

/// Passes on what it reads, after it was looked at, and the end of the connection.
private final class Pipe: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let other: any Channel
    private let look: (ByteBuffer) -> Void

    init(to other: any Channel, _ look: @escaping (ByteBuffer) -> Void) {
        self.other = other
        self.look = look
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = Self.unwrapInboundIn(data)
        self.look(bytes)
        self.other.write(bytes, promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) { self.other.flush() }

    func channelInactive(context: ChannelHandlerContext) { self.other.close(promise: nil) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}

/// The messages of one connection. Confined to its event loop.
private final class ModelWatch {
    private let observer: any ModelRelay.Observer
    private var place: Int?
    private var session = MessageStream()
    private var model = MessageStream()

    init(_ observer: any ModelRelay.Observer) { self.observer = observer }

    func fromSession(_ bytes: ByteBuffer) {
        let now = Clock.nanoseconds
        self.session.take(bytes) { head in
            let name = "openai-safety-identifier:"
            let line = head.split(separator: "\r\n").first { $0.lowercased().hasPrefix(name) }
            self.place = line.flatMap { self.observer.opened($0.dropFirst(name.count).trimmed) }
        } message: { start, length in
            let head: StaticString = #"{"type":"input_audio_buffer.append","audio":""#
            guard let place = self.place, start.begins(with: head) else { return }
            // Base64 and two characters more.
            let base64 = length - head.utf8CodeUnitCount - 2
            self.observer.appended(place, bytes: base64 / 4 * 3, at: now)
        }
    }

    func fromModel(_ bytes: ByteBuffer) {
        let now = Clock.nanoseconds
        self.model.take(bytes) { _ in
        } message: { start, length in
            guard let place = self.place else { return }
            if start.begins(with: #"{"type":"response.output_audio.delta""#) {
                if let bytes = start.base64Bytes(behind: #""delta":""#) {
                    self.observer.audio(place, bytes: bytes, at: now)
                }
            } else if start.begins(with: #"{"type":"response.output_audio.done""#) {
                self.observer.audioDone(place, at: now)
            }
        }
    }
}

/// The WebSocket messages in a stream of bytes; none is fragmented.
private struct MessageStream {
    private var bytes = ByteBuffer()
    private var isUpgraded = false

    /// - Parameters:
    ///   - head: called with the HTTP head.
    ///   - message: called with each message, unmasked, and its length.
    mutating func take(_ new: ByteBuffer, head: (String) -> Void, message: (ByteBufferView, Int) -> Void) {
        self.bytes.writeImmutableBuffer(new)
        if !self.isUpgraded {
            let text = String(buffer: self.bytes)
            guard let end = text.utf8.firstRange(of: "\r\n\r\n".utf8) else { return }
            self.isUpgraded = true
            head(String(text[..<end.lowerBound]))
            self.bytes.moveReaderIndex(forwardBy: text.utf8.distance(from: text.startIndex, to: end.upperBound))
        }
        while let (isText, payload) = self.nextFrame() {
            if isText { message(payload.readableBytesView, payload.readableBytes) }
        }
        self.bytes.discardReadBytes()
    }

    private mutating func nextFrame() -> (isText: Bool, payload: ByteBuffer)? {
        var bytes = self.bytes
        guard let (first, second) = bytes.readMultipleIntegers(as: (UInt8, UInt8).self) else { return nil }
        let length: Int? =
            switch second & 0x7f {
            case 126: bytes.readInteger(as: UInt16.self).map { Int($0) }
            case 127: bytes.readInteger(as: UInt64.self).map { Int(clamping: $0) }
            case let short: Int(short)
            }
        guard let length else { return nil }
        let mask = second & 0x80 != 0 ? bytes.readBytes(length: 4) : []
        guard let mask, var payload = bytes.readSlice(length: length) else { return nil }
        self.bytes = bytes
        // The beginning of a masked message says what it is.
        if !mask.isEmpty {
            let start = (payload.getBytes(at: payload.readerIndex, length: min(length, 64)) ?? []).enumerated()
                .map { $1 ^ mask[$0 % 4] }
            payload.setBytes(start, at: payload.readerIndex)
        }
        return (first & 0xf == 1, payload)
    }
}

extension ByteBufferView {
    fileprivate func begins(with text: StaticString) -> Bool {
        text.withUTF8Buffer { self.starts(with: $0) }
    }

    /// How many bytes the text behind `key`, up to the next quotation mark, stands for.
    fileprivate func base64Bytes(behind key: String) -> Int? {
        // Other members are short and come first.
        guard let found = self.prefix(400).firstRange(of: key.utf8),
            let end = self[found.upperBound...].firstIndex(of: UInt8(ascii: "\""))
        else { return nil }
        let text = self[found.upperBound..<end]
        let padding = text.suffix(2).count { $0 == UInt8(ascii: "=") }
        return text.count / 4 * 3 - padding
    }
}

extension Substring {
    fileprivate var trimmed: String { String(self.drop { $0 == " " }) }
}
