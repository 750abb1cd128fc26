import Audio
import CallEvents
import Kafka
import NIOCore
import Speech
import StageRuntime
import Synchronization
import TestSupport
import Testing
import TwilioMedia

/// The other end of a call, as ingress and transcoder would present it: 20 ms of audio every 20 ms, and a playout buffer
/// that plays what comes, in real time, through the ingress's own bookkeeping.
final class Phone: Sendable {
    /// What was played of one item.
    struct Played: Equatable, Sendable {
        var itemID: String
        var sessionEpoch: Int64
        var ms: Int
    }

    fileprivate struct Chunk: Sendable {
        var itemID: String
        var sessionEpoch: Int64
        var marks: [String] = []
    }

    fileprivate struct State {
        var isAnswered: Bool
        var streamEpoch: UInt32
        var sequence: UInt64 = 0
        var speech: [ByteBuffer] = []
        var playout: PlayoutState
        var buffer = CircularBuffer<Chunk>()
        var played: [Played] = []
        var reported: [AudioFrame.Playout] = []
        var clears = 0
        var hungUp = false
        var toModel = MulawToPCM24k()
        var received: [AudioFrame] = []
    }

    let callSid: String
    private let path: AudioPath
    private let broker: EmbeddedBroker
    private let producer: KafkaProducer
    private let outboundPartition: Int32 = 0
    private let state: Mutex<State>

    /// - Parameter rings: nothing is sent until it is answered.
    init(_ callSid: String, path: AudioPath, rings: Bool, broker: EmbeddedBroker) throws {
        self.callSid = callSid
        self.path = path
        self.broker = broker
        self.producer = try KafkaProducer(.audio, configuration: broker.configuration(), logger: .quiet)
        self.state = Mutex(State(isAnswered: !rings, streamEpoch: 1, playout: PlayoutState(streamEpoch: 1)))
    }

    // MARK: What tests do and see

    func say(_ name: String) throws {
        let utterance = try #require(Speech.utterance(name))
        let frames = stride(from: 0, to: utterance.mulaw.count, by: 160).map { start in
            ByteBuffer(bytes: utterance.mulaw[start..<min(start + 160, utterance.mulaw.count)])
        }
        self.state.withLock { $0.speech += frames }
    }

    func answer() { self.state.withLock { $0.isAnswered = true } }

    /// The stream breaks and comes back.
    func reconnect() {
        self.state.withLock { state in
            state.streamEpoch += 1
            state.sequence = 0
            state.playout = PlayoutState(streamEpoch: state.streamEpoch)
            state.buffer.removeAll()
        }
    }

    var played: [Played] { self.state.withLock { $0.played } }
    /// How far it told the others that it had played.
    var reported: [AudioFrame.Playout] { self.state.withLock { $0.reported } }
    var clears: Int { self.state.withLock { $0.clears } }
    var hungUp: Bool { self.state.withLock { $0.hungUp } }
    /// All outbound frames as they were consumed.
    var received: [AudioFrame] { self.state.withLock { $0.received } }
    var isQuiet: Bool { self.state.withLock { $0.buffer.isEmpty && $0.speech.isEmpty } }

    // MARK: What runs beside them

    /// Runs until the task is cancelled.
    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.producer.run() }
            group.addTask { try await self.tick() }
            let topics: [Topic] =
                self.path == .passthrough ? [.audioOutboundPhone] : [.audioOutboundPhone, .audioOutboundModel]
            for topic in topics {
                let key = KeyPartition.of(self.callSid, count: self.broker.topics.partitions)
                let partition = topic == .audioOutboundPhone ? self.outboundPartition : key
                group.addTask { try await self.listen(topic, partition) }
            }
            try await group.next()
            group.cancelAll()
        }
    }

    private func tick() async throws {
        var next = ContinuousClock.now
        while !Task.isCancelled {
            let frame = self.state.withLock { state in
                state.isAnswered ? Self.tick(&state, path: self.path, partition: self.outboundPartition) : nil
            }
            if let frame {
                var value = ByteBuffer()
                frame.write(to: &value)
                let topic = self.broker.topics[.audioInboundModel]
                _ = try self.producer.send(
                    KafkaMessage(topic: topic, key: ByteBuffer(string: self.callSid), value: value)
                )
            }
            next += .milliseconds(20)
            try await Task.sleep(until: next, clock: .continuous)
        }
    }

    private static func tick(_ state: inout State, path: AudioPath, partition: Int32) -> AudioFrame {
        let nowUs = UnixTime.nowUs
        if let chunk = state.buffer.popFirst() {
            if let last = state.played.last, last.itemID == chunk.itemID, last.sessionEpoch == chunk.sessionEpoch {
                state.played[state.played.count - 1].ms += 20
            } else {
                state.played.append(Played(itemID: chunk.itemID, sessionEpoch: chunk.sessionEpoch, ms: 20))
            }
            for mark in chunk.marks { state.acknowledge(mark, nowUs) }
        }
        let mulaw = state.speech.isEmpty ? ByteBuffer(repeating: 0xff, count: 160) : state.speech.removeFirst()
        var frame = AudioFrame(codec: path == .passthrough ? .pcmu : .pcm24k)
        if path == .passthrough {
            frame.payload = mulaw
        } else {
            state.toModel.convert(mulaw, into: &frame.payload)
        }
        frame.streamEpoch = state.streamEpoch
        frame.sequence = state.sequence
        frame.outboundPartition = partition
        frame.receivedAtUs = nowUs
        frame.playout = state.playout.position(nowUs: nowUs)
        if let playout = frame.playout { state.reported.append(playout) }
        state.sequence += 1
        return frame
    }

    private func listen(_ topic: Topic, _ partition: Int32) async throws {
        let reader = try KafkaPartitionReader(
            KafkaTopicPartition(topic: self.broker.topics[topic], partition: partition),
            from: .edge(.beginning),
            configuration: self.broker.configuration(),
            logger: .quiet
        )
        for try await records in reader {
            for record in records {
                guard record.key == ByteBuffer(string: self.callSid), let value = record.value else { continue }
                let frame = try AudioFrame(record: value)
                self.state.withLock { Self.receive(frame, &$0) }
            }
        }
    }

    private static func receive(_ frame: AudioFrame, _ state: inout State) {
        state.received.append(frame)
        // The transcoder's work, as far as the playout looks at it.
        var phone = frame
        phone.codec = .pcmu
        if frame.payload.readableBytes > 0 { phone.payload = ByteBuffer(repeating: 0x55, count: 160) }
        let nowUs = UnixTime.nowUs
        let step = state.playout.received(phone, nowUs: nowUs)
        if step.clear {
            state.clears += 1
            let marks = state.buffer.flatMap(\.marks)
            state.buffer.removeAll()
            for mark in marks { state.acknowledge(mark, nowUs) }
        }
        if step.audio != nil {
            state.buffer.append(Chunk(itemID: frame.itemID, sessionEpoch: frame.sessionEpoch))
        }
        guard let mark = step.mark else { return }
        if state.buffer.isEmpty {
            state.acknowledge(mark, nowUs)
        } else {
            state.buffer[state.buffer.index(before: state.buffer.endIndex)].marks.append(mark)
        }
    }
}

extension Phone.State {
    fileprivate mutating func acknowledge(_ mark: String, _ nowUs: Int64) {
        if self.playout.acknowledged(mark: mark, nowUs: nowUs) == .hangUp { self.hungUp = true }
    }
}
