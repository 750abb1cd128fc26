import Audio
import CallEvents
import Kafka
import Logging
import NIOCore
import ServiceLifecycle
import StageRuntime
import TestSupport
import Testing

@testable import AudioTranscoder

/// The stage as its process runs it, on a broker inside this one.
@Suite(.timeLimit(.minutes(2))) struct StageTests {
    private static let calls = 1...3
    private static let frames: Range<UInt64> = 0..<50

    @Test func `audio of both directions passes, and a second instance goes on where the first stopped`() async throws {
        let broker = try EmbeddedBroker(partitions: 4)
        try await Self.withStage(on: broker, instance: "a") {
            var records = Self.frames.prefix(30).flatMap { Self.messages($0, broker) }
            // Neither what cannot be read nor what cannot be converted stops the calls.
            records.insert(Self.garbage(broker), at: 40)
            records.insert(Self.shortFrame(broker), at: 60)
            try await Self.produce(records, to: broker)
            try await Self.waitUntil { try await Self.sequences(broker, .inbound, through: 29) }
            try await Self.waitUntil { try await Self.sequences(broker, .outbound, through: 29) }
        }
        // Produced while nobody is there.
        try await Self.produce(Self.frames.suffix(20).flatMap { Self.messages($0, broker) }, to: broker)
        try await Self.withStage(on: broker, instance: "b") {
            try await Self.waitUntil { try await Self.sequences(broker, .inbound, through: 49) }
            try await Self.waitUntil { try await Self.sequences(broker, .outbound, through: 49) }
        }
        try await Self.checkInbound(broker)
        try await Self.checkOutbound(broker)
        try await Self.checkDeadLetters(broker)
    }

    @Test func `a flood of faults of one call neither stops its audio or another's, nor fills the log`() async throws {
        let broker = try EmbeddedBroker(partitions: 4)
        let lines = LogLines()
        try await Self.withStage(on: broker, instance: "a", logger: lines.logger) {
            let flood = Array(repeating: [Self.garbage(broker), Self.shortFrame(broker)], count: 20).joined()
            try await Self.produce(Self.frames.flatMap { flood + Self.messages($0, broker) }, to: broker)
            try await Self.waitUntil { try await Self.sequences(broker, .inbound, through: 49) }
            try await Self.waitUntil { try await Self.sequences(broker, .outbound, through: 49) }
        }
        try await Self.checkInbound(broker)
        try await Self.checkOutbound(broker)
        let reports = lines.all.filter { $0.contains("dropped") }
        #expect(reports.count == 1)
        #expect(reports.first?.contains(Records.callSid(1)) == true)
        #expect(lines.all.count < 20)
    }

    static func withStage(
        on broker: EmbeddedBroker,
        instance: String,
        silenceGate: SilenceGateSettings? = nil,
        logger: Logger = .quiet,
        _ body: () async throws -> Void
    ) async throws {
        let health = Health()
        let context = StageContext(
            stage: AudioTranscoderStage.name,
            instanceID: instance,
            topics: broker.topics,
            kafka: broker.configuration(instanceID: instance),
            logger: logger,
            health: health
        )
        // However slow the machine is, the calls are in progress from the first frame to the last.
        var configuration = AudioTranscoderStage.Configuration()
        configuration.hold = .seconds(60)
        configuration.silenceGate = silenceGate
        let services = try AudioTranscoderStage.services(configuration, context: context)
        let group = ServiceGroup(services: services, logger: .quiet)
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await group.run() }
            try await Self.waitUntil { health.waitingFor.isEmpty }
            try await body()
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    static func produce(_ messages: [KafkaMessage], to broker: EmbeddedBroker) async throws {
        let producer = try KafkaProducer(.events, configuration: broker.configuration(), logger: .quiet)
        let group = ServiceGroup(services: [producer], logger: .quiet)
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { try await group.run() }
            try await producer.deliver(messages)
            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }

    static func waitUntil(_ isTrue: () async throws -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(40)
        while try await !isTrue() {
            try #require(ContinuousClock.now < deadline, "waited in vain")
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// One frame of each call in each direction.
    private static func messages(_ sequence: UInt64, _ broker: EmbeddedBroker) -> [KafkaMessage] {
        self.calls.flatMap { call in
            var outbound = Records.outbound(sequence, call: call)
            outbound.outboundPartition = 2
            return [
                self.message(Records.inbound(sequence, call: call), .inbound, call, broker),
                self.message(outbound, .outbound, call, broker),
            ]
        }
    }

    private static func message(
        _ frame: AudioFrame,
        _ direction: Direction,
        _ call: Int,
        _ broker: EmbeddedBroker
    ) -> KafkaMessage {
        var value = ByteBuffer()
        frame.write(to: &value)
        return KafkaMessage(
            topic: broker.topics[direction.source],
            key: ByteBuffer(string: Records.callSid(call)),
            value: value
        )
    }

    private static func garbage(_ broker: EmbeddedBroker) -> KafkaMessage {
        KafkaMessage(
            topic: broker.topics[.audioInboundPhone],
            key: ByteBuffer(string: Records.callSid(1)),
            value: ByteBuffer(string: "no frame")
        )
    }

    private static func shortFrame(_ broker: EmbeddedBroker) -> KafkaMessage {
        var frame = Records.inbound(1_000, call: 1)
        frame.payload = ByteBuffer(repeating: MuLaw.silence, count: 80)
        return self.message(frame, .inbound, 1, broker)
    }

    /// Each call's frames as a reader has them: in order, without repeats.
    private static func output(_ broker: EmbeddedBroker, _ direction: Direction) async throws -> [String: [AudioFrame]]
    {
        var calls: [String: [AudioFrame]] = [:]
        for partition in 0..<broker.topics.partitions {
            for record in try await broker.records(in: broker.topics[direction.destination], partition: partition) {
                let frame = try AudioFrame(record: #require(record.value))
                let call = String(buffer: try #require(record.key))
                if let last = calls[call]?.last, frame.sequence <= last.sequence { continue }
                calls[call, default: []].append(frame)
                #expect(direction == .inbound || partition == 2)
            }
        }
        return calls
    }

    private static func sequences(
        _ broker: EmbeddedBroker,
        _ direction: Direction,
        through last: UInt64
    ) async throws -> Bool {
        let calls = try await self.output(broker, direction)
        return calls.count == self.calls.count && calls.values.allSatisfy { $0.last?.sequence == last }
    }

    private static func checkInbound(_ broker: EmbeddedBroker) async throws {
        let output = try await self.output(broker, .inbound)
        for call in self.calls {
            var converter = MulawToPCM24k()
            let expected = self.frames.map { sequence in
                var frame = Records.inbound(sequence, call: call)
                var payload = ByteBuffer()
                converter.convert(frame.payload, into: &payload)
                frame.codec = .pcm24k
                frame.payload = payload
                return frame
            }
            #expect(output[Records.callSid(call)] == expected)
        }
    }

    private static func checkOutbound(_ broker: EmbeddedBroker) async throws {
        let output = try await self.output(broker, .outbound)
        for call in self.calls {
            var converter = PCM24kToMulaw()
            let expected = self.frames.map { sequence in
                var frame = Records.outbound(sequence, call: call)
                var payload = ByteBuffer()
                converter.convert(frame.payload, into: &payload)
                frame.codec = .pcmu
                frame.payload = payload
                frame.outboundPartition = 2
                return frame
            }
            #expect(output[Records.callSid(call)] == expected)
        }
    }

    private static func checkDeadLetters(_ broker: EmbeddedBroker) async throws {
        var letters: [KafkaRecord] = []
        for partition in 0..<broker.topics.partitions {
            letters += try await broker.records(in: broker.topics[.deadLetters], partition: partition)
        }
        #expect(letters.count == 1)
        #expect(letters.first?.value == ByteBuffer(string: "no frame"))
    }
}
