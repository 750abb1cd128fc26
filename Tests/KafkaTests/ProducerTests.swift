import CallEvents
import Kafka
import Logging
import NIOCore
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct ProducerTests {
    let broker: EmbeddedBroker

    init() throws { self.broker = try EmbeddedBroker() }

    private func producer(
        _ kind: KafkaProducer.Kind = .events,
        _ properties: [String: String] = [:]
    ) throws -> KafkaProducer {
        try KafkaProducer(kind, configuration: self.broker.configuration(properties: properties), logger: .quiet)
    }

    @Test func `key, value, headers and an explicit partition come back as they went`() async throws {
        let topic = self.broker.topics[.events]
        let message = KafkaMessage(
            topic: topic,
            partition: 3,
            key: ByteBuffer(string: "CA1"),
            value: ByteBuffer(bytes: [0, 1, 2, 255]),
            headers: [
                KafkaHeader("ce_id", ByteBuffer(string: "42")), KafkaHeader("empty", ByteBuffer()),
                KafkaHeader("null", nil),
            ]
        )
        let deliveries = try await self.producer().deliver([message])
        #expect(deliveries == [.init(partition: 3, offset: 0)])

        let records = try await self.broker.records(in: topic, partition: 3)
        #expect(records.count == 1)
        let record = try #require(records.first)
        #expect(record.key == message.key)
        #expect(record.value == message.value)
        #expect(record.headers == message.headers)
        #expect(record.topic == topic && record.partition == 3 && record.offset == 0)
        #expect(record.timestampMs > 1_700_000_000_000)
    }

    @Test func `a tombstone is a null value, and an empty value is not`() async throws {
        let topic = self.broker.topics[.state]
        let key = ByteBuffer(string: "CA1")
        try await self.producer().deliver([
            KafkaMessage(topic: topic, partition: 0, key: key, value: nil),
            KafkaMessage(topic: topic, partition: 0, key: key, value: ByteBuffer()),
            KafkaMessage(topic: topic, partition: 0, key: key, value: nil, headers: [KafkaHeader("a", nil)]),
        ])
        let records = try await self.broker.records(in: topic, partition: 0)
        #expect(records.map(\.value) == [nil, ByteBuffer(), nil])
    }

    @Test func `librdkafka puts a key where KeyPartition says`() async throws {
        let topic = self.broker.topics[.live]
        let producer = try self.producer()
        for length in [1, 2, 3, 4, 7, 16, 34] {
            let key = String(repeating: "k\(length)", count: length)
            let message = KafkaMessage(topic: topic, key: ByteBuffer(string: key), value: ByteBuffer(string: "v"))
            let delivery = try await producer.deliver([message])
            #expect(delivery.first?.partition == KeyPartition.of(key, count: self.broker.topics.partitions))
        }
    }
}
