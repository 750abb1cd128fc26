import Audio
import CallEvents
import Foundation
import Kafka
import Logging
import NIOCore
import Recordings
import StageRuntime
import TestSupport
import Testing

@testable import CallRecorder

/// The recorder on a broker.
@Suite(.timeLimit(.minutes(2)))
struct CallRecorderRunTests {
    private static let callSid = "CA0000000000000000000000000000000a"
    private static let other = "CA0000000000000000000000000000000b"

    @Test(arguments: [Topic.audioInboundPhone, .audioInboundModel])
    func `the file is what the topics hold, wherever the frames are`(topic: Topic) async throws {
        let broker = try EmbeddedBroker()
        let sid = try #require(CallSid(Self.callSid))
        var line = PhoneLine(delay: 1)
        line.outboundPartition = 1
        line.run(ms: 500)
        line.say(speech(ms: 4_000, seed: 1), item: "a")
        line.run(ms: 2_000)
        line.clear()
        line.run(ms: 2_000)
        line.isDown(forMs: 1_000)
        line.connect()
        line.outboundPartition = 3
        line.run(ms: 500)
        line.say(speech(ms: 2_000, seed: 2), item: "b")
        line.run(ms: 4_000)
        try await Self.produce(line, to: broker, callerTopic: topic)

        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).wav").path()
        defer { try? FileManager.default.removeItem(atPath: path) }
        let recorder = CallRecorder(
            CallRecorder.Request(callSid: sid, output: path),
            broker: try Self.configuration(of: broker),
            logger: .quiet,
            report: { _ in }
        )
        let said = try await recorder.run()
        #expect(said.contains("2 streams"), "\(said)")

        let expected = Recorded(inbound: line.inbound, outbound: line.outbound)
        let file = [UInt8](try Data(contentsOf: URL(filePath: path)))
        var samples: [UInt8] = []
        for (caller, agent) in zip(expected.caller, expected.agent) {
            for sample in [MuLaw.decode(caller), MuLaw.decode(agent)] {
                samples += [UInt8(truncatingIfNeeded: sample), UInt8(truncatingIfNeeded: sample >> 8)]
            }
        }
        #expect(file.count == 44 + samples.count && Array(file.dropFirst(44)) == samples)
        // The sizes in the header are those of the file.
        #expect(Array(file[4..<8]) == Self.little(file.count - 8) && Array(file[40..<44]) == Self.little(samples.count))
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
    }

    @Test func `a call without audio is not found, and no file is made`() async throws {
        let broker = try EmbeddedBroker()
        var line = PhoneLine()
        line.run(ms: 1_000)
        try await Self.produce(line, of: Self.other, to: broker, callerTopic: .audioInboundPhone)
        let path = FileManager.default.temporaryDirectory.appending(path: "\(UUID()).wav").path()
        let recorder = CallRecorder(
            CallRecorder.Request(callSid: try #require(CallSid(Self.callSid)), output: path),
            broker: try Self.configuration(of: broker),
            logger: .quiet,
            report: { _ in }
        )
        await #expect(throws: CallRecorder.NotFound.self) { try await recorder.run() }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    private static func configuration(of broker: EmbeddedBroker) throws -> BrokerConfiguration {
        try RecorderSettings.broker(
            environment: ["VOICE_KAFKA_PROFILE": "embedded", "VOICE_TOPIC_PREFIX": broker.topics.prefix],
            options: [
                "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrapServers,
                "VOICE_TOPIC_PARTITIONS": "\(broker.topics.partitions)",
            ]
        ).get()
    }

    private static func little(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }

    /// Writes both sides, with another call's records and what nobody can read between them.
    private static func produce(
        _ line: PhoneLine,
        of sid: String = Self.callSid,
        to broker: EmbeddedBroker,
        callerTopic: Topic
    ) async throws {
        let producer = try KafkaProducer(.events, configuration: broker.configuration(), logger: .quiet)
        let services = RunningServices([producer])
        let partition = KeyPartition.of(sid, count: broker.topics.partitions)
        func messages(_ frame: AudioFrame, _ topic: Topic, _ partition: Int32) -> [KafkaMessage] {
            var value = ByteBuffer()
            frame.write(to: &value)
            return [(Self.other, value), (sid, value), (Self.other, ByteBuffer(string: "?"))].map { key, value in
                KafkaMessage(
                    topic: broker.topics[topic],
                    partition: partition,
                    key: ByteBuffer(string: key),
                    value: value
                )
            }
        }
        try await producer.deliver(line.inbound.flatMap { messages($0, callerTopic, partition) })
        try await producer.deliver(
            line.outbound.flatMap { messages($0, .audioOutboundPhone, $0.outboundPartition) }
        )
        try await services.stop()
    }
}
