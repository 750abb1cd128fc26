import Kafka
import Logging
import NIOCore
import Synchronization
import TestSupport

/// A group member that reads in a task of its own, stores the offset of all it has read, and keeps a diary.
final class GroupMember: Sendable {
    struct Seen: Equatable {
        /// Such as `assigned [0, 1]`, in order; records are not noted here.
        var diary: [String] = []
        var records: [KafkaRecord] = []
        /// Partition numbers of the lead topic held now.
        var held: Set<Int32> = []
        /// Records of partition numbers that were not held when they came.
        var strays = 0
    }

    /// What a test does with an event before the next is asked for.
    typealias Handler = @Sendable (KafkaConsumer, KafkaConsumerEvent) async throws -> Void

    let consumer: KafkaConsumer
    private let box: SeenBox
    private let task: Task<Void, any Error>

    init(
        _ subscription: KafkaConsumer.Subscription,
        on broker: EmbeddedBroker,
        instanceID: String = "test",
        properties: [String: String] = [:],
        stores: Bool = true,
        logger: Logger = .quiet,
        handler: @escaping Handler = { _, _ in }
    ) throws {
        let consumer = try KafkaConsumer(
            subscription,
            configuration: broker.configuration(instanceID: instanceID, properties: properties),
            logger: logger
        )
        let seen = SeenBox()
        self.consumer = consumer
        self.box = seen
        self.task = Task {
            for try await event in consumer {
                seen.note(event)
                try await handler(consumer, event)
                guard stores, case .records(let records) = event else { continue }
                for record in records {
                    consumer.store(
                        record.offset + 1,
                        for: KafkaTopicPartition(topic: record.topic, partition: record.partition)
                    )
                }
            }
        }
    }

    var seen: Seen { self.box.seen.withLock { $0 } }

    /// Asks the member to leave, as a shutdown does.
    func leave() async throws {
        self.task.cancel()
        try await self.task.value
    }

    /// Waits for the end.
    /// - Throws: what the consumer threw.
    func ended() async throws {
        try await self.task.value
    }
}

private final class SeenBox: Sendable {
    let seen = Mutex(GroupMember.Seen())

    func note(_ event: KafkaConsumerEvent) {
        self.seen.withLock { seen in
            switch event {
            case .assigned(let numbers):
                seen.diary.append("assigned \(numbers)")
                seen.held.formUnion(numbers)
            case .revoked(let numbers):
                seen.diary.append("revoked \(numbers)")
                seen.held.subtract(numbers)
            case .lost(let numbers):
                seen.diary.append("lost \(numbers)")
                seen.held.subtract(numbers)
            case .records(let records):
                seen.strays += records.count { !seen.held.contains($0.partition) }
                seen.records += records
            }
        }
    }
}
