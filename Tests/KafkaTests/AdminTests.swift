import CallEvents
import Kafka
import Logging
import NIOCore
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct AdminTests {
    private let broker: EmbeddedBroker
    private let admin: KafkaAdmin

    init() throws {
        self.broker = try EmbeddedBroker()
        self.admin = KafkaAdmin(configuration: self.broker.configuration(), logger: .quiet)
    }

    @Test func `topics as they should be are accepted`() async throws {
        try await self.admin.ensure(
            Topic.allCases.map {
                .init(
                    name: self.broker.topics[$0],
                    partitions: self.broker.topics.partitions,
                    configuration: ["retention.ms": "300000"]
                )
            },
            timeout: .seconds(10)
        )
    }

    @Test func `a broker that creates topics only when asked for them is asked`() async throws {
        // The mock gives every such topic 4 partitions.
        try await self.admin.ensure([.init(name: "new", partitions: 4)], timeout: .seconds(10))
    }

    @Test func `other partition counts are an error with the numbers`() async throws {
        let error = await #expect(throws: KafkaError.self) {
            try await self.admin.ensure(
                [
                    .init(name: self.broker.topics[.events], partitions: 12),
                    .init(name: self.broker.topics[.state], partitions: 4),
                    .init(name: self.broker.topics[.live], partitions: 1),
                ],
                timeout: .seconds(10)
            )
        }
        #expect(error?.code == .topics)
        #expect(
            error?.message
                == "voice.events has 4 partitions, expected 12; voice.live has 4 partitions, expected 1"
        )
    }

    @Test func `faults that pass are waited for, others are told when the time is up`() async throws {
        self.broker.cluster.setReachable(false)
        let topics = [KafkaAdmin.TopicSpecification(name: self.broker.topics[.events], partitions: 4)]
        let error = await #expect(throws: KafkaError.self) {
            try await self.admin.ensure(topics, timeout: .milliseconds(200))
        }
        #expect(error?.code == .timedOut)
        self.broker.cluster.setReachable(true)
        try await self.admin.ensure(topics, timeout: .seconds(20))
    }

    @Test func `watermarks are the first offset and the one behind the last`() async throws {
        let partition = KafkaTopicPartition(topic: self.broker.topics[.events], partition: 2)
        #expect(try await self.admin.watermarks(of: partition, timeout: .seconds(10)) == 0..<0)
        let producer = try KafkaProducer(.events, configuration: self.broker.configuration(), logger: .quiet)
        let message = KafkaMessage(topic: partition.topic, partition: 2, key: ByteBuffer(string: "k"), value: nil)
        try await producer.deliver([message, message, message])
        #expect(try await self.admin.watermarks(of: partition, timeout: .seconds(10)) == 0..<3)
    }

    @Test func `where the broker knows no times, reading from a time on begins at the beginning`() async throws {
        let partition = KafkaTopicPartition(topic: self.broker.topics[.events], partition: 1)
        let producer = try KafkaProducer(.events, configuration: self.broker.configuration(), logger: .quiet)
        let message = KafkaMessage(topic: partition.topic, partition: 1, key: ByteBuffer(string: "k"), value: nil)
        try await producer.deliver([message, message])
        #expect(try await self.admin.offset(of: partition, atMs: 1, timeout: .seconds(10)) == 0)
        // Nor does it tell how topics are configured.
        let found = try await self.admin.property("retention.ms", of: [partition.topic], timeout: .seconds(10))
        #expect(found.isEmpty)
    }
}
