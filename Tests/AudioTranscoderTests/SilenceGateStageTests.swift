import AudioTranscoder
import CallEvents
import Kafka
import NIOCore
import TestSupport
import Testing

/// The silence gate in the stage as its process runs it, on a broker inside this one.
@Suite(.timeLimit(.minutes(2))) struct SilenceGateStageTests {
    @Test func `what one instance keeps back, the next one reads again and decides alike`() async throws {
        let broker = try EmbeddedBroker(partitions: 4)
        let log = GatedLog(seed: 21, calls: 3, steps: 160)
        let settings = SilenceGateSettings(hangOver: 9, preRoll: 4)
        let expected = try log.expected(settings)
        let half = log.entries.count / 2
        try await StageTests.withStage(on: broker, instance: "a", silenceGate: settings) {
            try await StageTests.produce(log.entries.prefix(half).map { self.message($0, broker) }, to: broker)
            try await StageTests.waitUntil { try await self.output(broker).values.count >= expected.values.count / 3 }
        }
        #expect(try await self.output(broker).values.count < expected.values.count)
        try await StageTests.produce(log.entries.suffix(from: half).map { self.message($0, broker) }, to: broker)
        try await StageTests.withStage(on: broker, instance: "b", silenceGate: settings) {
            try await StageTests.waitUntil { try await self.output(broker).values.count >= expected.values.count }
        }
        #expect(try await self.output(broker) == expected)
    }

    private func message(_ entry: GatedLog.Entry, _ broker: EmbeddedBroker) -> KafkaMessage {
        var value = ByteBuffer()
        entry.frame.write(to: &value)
        return KafkaMessage(
            topic: broker.topics[.audioInboundPhone],
            key: ByteBuffer(string: Records.callSid(entry.call)),
            value: value
        )
    }

    private func output(_ broker: EmbeddedBroker) async throws -> GatedLog.Reader {
        var reader = GatedLog.Reader()
        for partition in 0..<broker.topics.partitions {
            let topic = broker.topics[.audioInboundModel]
            for record in try await broker.records(in: topic, partition: partition) {
                let key = try #require(record.key)
                try reader.read(KafkaMessage(topic: topic, key: key, value: record.value))
            }
        }
        return reader
    }
}
