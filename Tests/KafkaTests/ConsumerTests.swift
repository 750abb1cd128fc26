import CallEvents
import Kafka
import Logging
import NIOCore
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct ConsumerTests {
    @Test func `a group member reads, stores, and the next one goes on behind it`() async throws {
        let broker = try EmbeddedBroker()
        let topic = broker.topics[.events]
        let producer = try KafkaProducer(.events, configuration: broker.configuration(), logger: .quiet)
        try await producer.deliver(
            (0..<100).map { index in
                KafkaMessage(
                    topic: topic,
                    partition: index % 4,
                    key: ByteBuffer(string: "k"),
                    value: ByteBuffer(integer: index)
                )
            }
        )
        for expected in [100, 0] {
            let consumer = try KafkaConsumer(
                .init(group: "g", topics: [topic]),
                configuration: broker.configuration(),
                logger: .quiet
            )
            if expected == 0 {
                try await producer.deliver([
                    KafkaMessage(topic: topic, partition: 1, key: ByteBuffer(string: "k"), value: nil)
                ])
            }
            var count = 0
            var events: [String] = []
            let task = Task {
                for try await event in consumer {
                    switch event {
                    case .assigned(let numbers): events.append("assigned \(numbers)")
                    case .revoked(let numbers): events.append("revoked \(numbers)")
                    case .lost(let numbers): events.append("lost \(numbers)")
                    case .records(let records):
                        count += records.count
                        for record in records {
                            consumer.store(record.offset + 1, for: .init(topic: topic, partition: record.partition))
                        }
                        if count >= max(expected, 1) { withUnsafeCurrentTask { $0?.cancel() } }
                    }
                }
                return (count, events)
            }
            let result = try await task.value
            #expect(result.0 == max(expected, 1))
            #expect(result.1 == ["assigned [0, 1, 2, 3]", "revoked [0, 1, 2, 3]"])
        }
    }
}
