import CallEvents
import Kafka
import Logging
import NIOCore
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1))) struct TransactionTests {
    private let broker: EmbeddedBroker
    private let topic: String

    init() throws {
        self.broker = try EmbeddedBroker()
        self.topic = self.broker.topics[.commands]
    }

    private func producer(logger: Logger = .quiet) throws -> KafkaTransactionalProducer {
        try KafkaTransactionalProducer(
            transactionalID: "t",
            configuration: self.broker.configuration(),
            logger: logger
        )
    }

    private func message(_ value: Int) -> KafkaMessage {
        KafkaMessage(
            topic: self.topic,
            partition: 0,
            key: ByteBuffer(string: "k"),
            value: ByteBuffer(integer: value),
            headers: [KafkaHeader("ce_id", ByteBuffer(string: "\(value)"))]
        )
    }

    private func consumer() throws -> KafkaConsumer {
        try KafkaConsumer(
            .init(group: "g", topics: [self.broker.topics[.events]]),
            configuration: self.broker.configuration(),
            logger: .quiet
        )
    }

    @Test func `what is committed is read by who reads only that`() async throws {
        let producer = try self.producer()
        let consumer = try self.consumer()
        for value in 0..<5 { try await producer.transaction([self.message(value)], offsets: [:], of: consumer) }
        let records = try await self.broker.records(in: self.topic, partition: 0)
        #expect(records.values == [0, 1, 2, 3, 4])
        #expect(records.last?.headers == [KafkaHeader("ce_id", ByteBuffer(string: "4"))])
    }

    @Test func `offsets go along, and transactions at the same time run one after the other`() async throws {
        let producer = try self.producer()
        let member = try GroupMember(.init(group: "g", topics: [self.broker.topics[.events]]), on: self.broker)
        try await eventually("the assignment") { member.seen.held.count == 4 }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for value in 0..<5 {
                group.addTask {
                    try await producer.transaction(
                        [self.message(value)],
                        offsets: [.init(topic: self.broker.topics[.events], partition: 0): Int64(value + 1)],
                        of: member.consumer
                    )
                }
            }
            try await group.waitForAll()
        }
        #expect(try await self.broker.records(in: self.topic, partition: 0).values.sorted() == [0, 1, 2, 3, 4])
        try await member.leave()
    }

    @Test func `a transaction that the broker refuses is aborted, and the next one succeeds`() async throws {
        let producer = try self.producer()
        let consumer = try self.consumer()
        try await producer.transaction([self.message(0)], offsets: [:], of: consumer)
        self.broker.cluster.fail(.addPartitionsToTransaction, with: [.topicAuthorizationFailed])
        let error = await #expect(throws: KafkaError.self) {
            try await producer.transaction([self.message(1)], offsets: [:], of: consumer)
        }
        #expect(error?.code == .transactionAborted)
        try await producer.transaction([self.message(2)], offsets: [:], of: consumer)
        #expect(try await self.broker.records(in: self.topic, partition: 0).values == [0, 2])
    }

    @Test func `a stale member's offsets abort the transaction`() async throws {
        let producer = try self.producer()
        let consumer = try self.consumer()
        self.broker.cluster.fail(.transactionOffsetCommit, with: [.illegalGeneration])
        let error = await #expect(throws: KafkaError.self) {
            try await producer.transaction(
                [self.message(1)],
                offsets: [.init(topic: self.broker.topics[.events], partition: 0): 1],
                of: consumer
            )
        }
        #expect(error?.code == .transactionAborted)
    }

    @Test func `a fenced producer says so, also to who runs it`() async throws {
        let producer = try self.producer(logger: .silent)
        let consumer = try self.consumer()
        let service = Task { try await producer.run() }
        try await producer.transaction([self.message(0)], offsets: [:], of: consumer)
        self.broker.cluster.fail(.endTransaction, with: [.producerFenced])
        for _ in 0..<2 {
            let error = await #expect(throws: KafkaError.self) {
                try await producer.transaction([self.message(1)], offsets: [:], of: consumer)
            }
            #expect(error?.code == .fenced)
        }
        let ended = await #expect(throws: KafkaError.self) { try await service.value }
        #expect(ended?.code == .fenced)
    }

    @Test func `passing faults of the broker are got over`() async throws {
        let producer = try self.producer()
        let consumer = try self.consumer()
        self.broker.cluster.fail(.initProducerID, with: [.coordinatorLoading, .disconnect])
        try await producer.transaction([self.message(0)], offsets: [:], of: consumer)
        self.broker.cluster.fail(.produce, with: [.notLeader])
        self.broker.cluster.fail(.endTransaction, with: [.coordinatorLoading])
        try await producer.transaction([self.message(1)], offsets: [:], of: consumer)
        #expect(try await self.broker.records(in: self.topic, partition: 0).values == [0, 1])
    }
}
