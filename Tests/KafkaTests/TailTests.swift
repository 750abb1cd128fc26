import CallEvents
import Kafka
import Logging
import NIOCore
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct TailTests {
    private let broker: EmbeddedBroker
    private let producer: KafkaProducer

    init() throws {
        self.broker = try EmbeddedBroker()
        self.producer = try KafkaProducer(.events, configuration: self.broker.configuration(), logger: .quiet)
    }

    private func partition(_ topic: Topic, _ partition: Int32) -> KafkaTopicPartition {
        KafkaTopicPartition(topic: self.broker.topics[topic], partition: partition)
    }

    private func produce(_ values: some Sequence<Int>, to partition: KafkaTopicPartition) async throws {
        try await self.producer.deliver(
            values.map { value in
                KafkaMessage(
                    topic: partition.topic,
                    partition: partition.partition,
                    key: ByteBuffer(string: "k"),
                    value: ByteBuffer(integer: value)
                )
            }
        )
    }

    /// Reads until the partition's offset is reached.
    private func read(
        _ iterator: inout KafkaTail.AsyncIterator,
        until partition: KafkaTopicPartition,
        is offset: Int64
    ) async throws -> [KafkaRecord] {
        var records: [KafkaRecord] = []
        while !records.contains(where: { KafkaTopicPartition(of: $0) == partition && $0.offset >= offset }) {
            records += try #require(try await iterator.next())
        }
        return records
    }

    @Test func `partitions of several topics are followed, from when each was asked for`() async throws {
        let (events, live) = (self.partition(.events, 1), self.partition(.live, 0))
        try await self.produce(0..<10, to: events)
        try await self.produce(0..<10, to: live)
        let tail = try KafkaTail(configuration: self.broker.configuration(), logger: .quiet)
        var iterator = tail.makeAsyncIterator()
        tail.start(events, at: .offset(4))
        let first = try await self.read(&iterator, until: events, is: 9)
        #expect(first.map(\.offset) == Array(4..<10))
        tail.start(live, at: .edge(.end))
        // Its end is where it is when the client gets to ask for it.
        var followed: [KafkaRecord] = []
        for value in 10..<200 where followed.isEmpty {
            try await self.produce([value], to: live)
            try await self.produce([value], to: events)
            let records = try await iterator.next() ?? []
            #expect(records.allSatisfy { $0.offset >= 10 })
            followed = records.filter { KafkaTopicPartition(of: $0) == live }
        }
        #expect(!followed.isEmpty)
    }

    @Test func `a partition that is given up is followed again from elsewhere`() async throws {
        let (one, two) = (self.partition(.events, 0), self.partition(.events, 1))
        try await self.produce(0..<10, to: one)
        let tail = try KafkaTail(configuration: self.broker.configuration(), logger: .quiet)
        var iterator = tail.makeAsyncIterator()
        tail.start(one, at: .offset(0))
        _ = try await self.read(&iterator, until: one, is: 9)
        await tail.stop(one)
        tail.start(two, at: .offset(0))
        try await self.produce(10..<20, to: one)
        try await self.produce(0..<10, to: two)
        let other = try await self.read(&iterator, until: two, is: 9)
        #expect(other.map(\.offset) == Array(0..<10))
        tail.start(one, at: .offset(5))
        let again = try await self.read(&iterator, until: one, is: 19)
        #expect(again.map(\.offset) == Array(5..<20))
    }

    @Test func `cancelling the reader ends a tail that waits`() async throws {
        let tail = try KafkaTail(configuration: self.broker.configuration(), logger: .quiet)
        tail.start(self.partition(.events, 0), at: .edge(.end))
        let task = Task {
            for try await _ in tail {}
        }
        task.cancel()
        try await task.value
    }
}

extension KafkaTopicPartition {
    fileprivate init(of record: KafkaRecord) {
        self.init(topic: record.topic, partition: record.partition)
    }
}
