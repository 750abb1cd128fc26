import CallEvents
import Kafka
import Logging
import NIOCore
import NIOHTTP1
import NIOPosix
import ServiceLifecycle
import Synchronization
import TestSupport
import TwilioMedia
import WebSockets

/// Twilio's end of one Media Stream, played by a test.
final class PhoneLine: Sendable {
    static let streamSid = "MZ0123456789abcdef0123456789abcdef"

    let socket: WebSocket
    private let state = Mutex<(commands: [MediaStreamCommand], isClosed: Bool)>(([], false))
    private let sequence = Mutex<(message: UInt64, chunk: UInt64)>((0, 0))

    init(socket: WebSocket) {
        self.socket = socket
    }

    /// What arrived so far.
    var commands: [MediaStreamCommand] { self.state.withLock { $0.commands } }
    var isClosed: Bool { self.state.withLock { $0.isClosed } }
    /// How the ingress closed; nil when the connection just broke.
    var closeCode: UInt16? { self.socket.closedWith?.code }

    var audio: [ByteBuffer] {
        self.commands.compactMap { if case .media(let payload) = $0 { payload } else { nil } }
    }

    var marks: [String] {
        self.commands.compactMap { if case .mark(let name) = $0 { name } else { nil } }
    }

    func send(_ event: MediaStreamEvent) async throws {
        let number = self.sequence.withLock { state in
            state.message += 1
            return state.message
        }
        var text = ByteBuffer()
        event.write(to: &text, streamSid: Self.streamSid, sequenceNumber: number)
        try await self.socket.send(text: text)
    }

    /// `connected` and `start`.
    func start(token: String?, callSid: CallSid) async throws {
        try await self.send(.connected(protocolName: "Call", version: "1.0.0"))
        try await self.send(
            .start(
                .init(
                    streamSid: Self.streamSid,
                    accountSid: Ingress.accountSid,
                    callSid: callSid,
                    customParameters: token.map { ["token": $0] } ?? [:]
                )
            )
        )
    }

    /// 20 ms of a caller's audio.
    func speak(_ value: UInt8, atMs timestampMs: UInt64) async throws {
        try await self.speak(ByteBuffer(repeating: value, count: 160), atMs: timestampMs)
    }

    func speak(_ payload: ByteBuffer, atMs timestampMs: UInt64) async throws {
        let chunk = self.sequence.withLock { state in
            state.chunk += 1
            return state.chunk
        }
        try await self.send(.media(.init(chunk: chunk, timestampMs: timestampMs, payload: payload)))
    }

    /// Reads until the socket ends.
    fileprivate func listen() async {
        do {
            for try await message in self.socket.inbound {
                guard case .text(let text) = message else { continue }
                let command = try MediaStreamCommand(parsing: text, streamSid: Self.streamSid)
                self.state.withLock { $0.commands.append(command) }
            }
        } catch {}
        self.state.withLock { $0.isClosed = true }
    }
}

extension Ingress {
    /// Connects a stream as Twilio does, without `start`; the socket lives as long as `body`.
    func connect(_ body: @Sendable (PhoneLine) async throws -> Void) async throws {
        let signature = TwilioSignature(authToken: Self.authToken).compute(url: "ws://127.0.0.1:9/api/voice/stream")
        let client = WebSocketClient(eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
        try await client.connect(
            to: "ws://127.0.0.1:\(self.port)/api/voice/stream",
            headers: ["x-twilio-signature": signature]
        ) { socket in
            let line = PhoneLine(socket: socket)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { await line.listen() }
                defer { group.cancelAll() }
                try await body(line)
            }
        }
    }

    /// A stream that has begun.
    func call(epoch: UInt32 = 1, _ body: @Sendable (PhoneLine) async throws -> Void) async throws {
        try await self.connect { line in
            try await line.start(token: self.token(epoch: epoch), callSid: self.callSid)
            try await eventually("stream_started") {
                try await self.events().contains { $0.eventID == "stream-started/\(self.callSid)/\(epoch)" }
            }
            try await body(line)
        }
    }

    /// Produces outbound frames as the transcoder or the session does, to the partition of this instance.
    func play(_ frames: [AudioFrame]) async throws {
        let producer = try KafkaProducer(
            .events,
            configuration: self.broker.configuration(instanceID: "test-player"),
            logger: .quiet
        )
        let service = ServiceGroup(services: [producer], logger: .quiet)
        try await withThrowingTaskGroup { group in
            group.addTask { try await service.run() }
            try await producer.deliver(
                frames.map { frame in
                    var value = ByteBuffer()
                    frame.write(to: &value)
                    return self.outbound(value)
                }
            )
            await service.triggerGracefulShutdown()
            try await group.waitForAll()
        }
    }

    func outbound(_ value: ByteBuffer) -> KafkaMessage {
        KafkaMessage(
            topic: self.topics[.audioOutboundPhone],
            partition: self.outboundPartition,
            key: ByteBuffer(string: self.callSid.rawValue),
            value: value
        )
    }
}

/// Makes the outbound frames of one session in order.
struct SpeechMaker {
    var session: Int64 = 5
    var playout: UInt32 = 0
    var stream: UInt32 = 1
    private var sequence: UInt64 = 0

    init(stream: UInt32 = 1) {
        self.stream = stream
    }

    mutating func audio(_ item: String, ms: Int) -> [AudioFrame] {
        (0..<ms / 20).map { _ in self.frame(.none, item) }
    }

    mutating func frame(_ control: AudioFrame.Control, _ item: String = "") -> AudioFrame {
        defer { if !control.isUnnumbered { self.sequence += 1 } }
        return AudioFrame(
            codec: .pcmu,
            payload: control == .none ? ByteBuffer(repeating: 7, count: 160) : ByteBuffer(),
            streamEpoch: self.stream,
            sequence: control.isUnnumbered ? 0 : self.sequence,
            receivedAtUs: 1,
            sessionEpoch: self.session,
            playoutEpoch: self.playout,
            itemID: item,
            control: control
        )
    }
}
