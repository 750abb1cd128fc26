import CRdKafka
package import Logging
import ServiceLifecycle

package struct KafkaTopicPartition: Hashable, Sendable, CustomStringConvertible {
    package var topic: String
    package var partition: Int32

    package init(topic: String, partition: Int32) {
        self.topic = topic
        self.partition = partition
    }

    package var description: String { "\(self.topic)[\(self.partition)]" }
}

/// Where to begin reading a partition.
package enum KafkaPosition: Sendable, Equatable {
    /// The group's committed offset, or `otherwise` where there is none.
    case committed(otherwise: Edge)
    case offset(Int64)
    case edge(Edge)
    /// So many records before the end, or the beginning where there are fewer.
    case tail(Int64)

    package enum Edge: Sendable, Equatable {
        case beginning
        case end
    }
}

extension [Int32: KafkaPosition] {
    /// All of `partitions` at the same position.
    package static func each(_ partitions: some Sequence<Int32>, at position: KafkaPosition) -> Self {
        Self(uniqueKeysWithValues: partitions.map { ($0, position) })
    }
}

/// What happened, in order. Asking for the next event says that the one before is dealt with.
package enum KafkaConsumerEvent: Sendable {
    /// These partition numbers of the lead topic, and of its companions, are ours now. Before the next event is asked
    /// for, `KafkaConsumer.start(_:at:)` may set where to begin; else it is the subscription's default position.
    case assigned([Int32])
    /// These partitions go to another member when the next event is asked for: finish the work and store its offsets
    /// before; they are then committed.
    case revoked([Int32])
    /// These partitions belong to another member already: drop the work, store nothing.
    case lost([Int32])
    /// What was ready, in order within each partition; none when nothing was for `Subscription.idleInterval`.
    case records([KafkaRecord])
}

/// Reads as a member of a group. `for try await event in consumer` pulls; nothing is buffered outside librdkafka.
///
/// Partitions are assigned cooperatively by the lead topic; the same partition numbers of its companions come along
/// on the same handle. When the enclosing task is cancelled or the service group shuts down, the sequence delivers
/// `revoked` for what is held, commits, leaves the group and ends.
package final class KafkaConsumer: AsyncSequence, Sendable {
    package typealias Element = KafkaConsumerEvent

    package struct Subscription: Sendable {
        package var group: String
        /// Topics that the group subscribes to. With companions there must be exactly one.
        package var topics: [String]
        /// Topics whose partitions follow those of the lead topic.
        package var companions: [String]
        /// Where partitions begin that `start(_:at:)` did not place, by topic; default `.committed(otherwise: .beginning)`.
        package var positions: [String: KafkaPosition]
        /// Topics where an offset out of range continues at the end (audio) and not at the beginning.
        package var endWhenOutOfRange: Set<String>
        /// Only committed transactions are seen.
        package var readCommitted: Bool
        /// Whole milliseconds for which the broker gathers records, or until it has 64 KiB, before it answers; nil: it
        /// answers when there is one. At the rate of audio that answers each record by itself, which costs this process
        /// and the broker twice the processor time; but a consumer that gathers asks all the time, also when idle.
        package var gatheringInterval: Duration?
        /// While nothing comes, `records` of none are delivered this often, for work that is due by the clock; nil: never.
        package var idleInterval: Duration?

        package init(
            group: String,
            topics: [String],
            companions: [String] = [],
            positions: [String: KafkaPosition] = [:],
            endWhenOutOfRange: Set<String> = [],
            readCommitted: Bool = true,
            gatheringEvery interval: Duration? = nil,
            idleEvery idleInterval: Duration? = nil
        ) {
            self.group = group
            self.topics = topics
            self.companions = companions
            self.positions = positions
            self.endWhenOutOfRange = endWhenOutOfRange
            self.readCommitted = readCommitted
            self.gatheringInterval = interval
            self.idleInterval = idleInterval
        }
    }

    private let loop: ConsumerLoop

    /// - Throws: `KafkaError` with code `configuration`.
    package init(_ subscription: Subscription, configuration: KafkaConfiguration, logger: Logger) throws {
        if !subscription.companions.isEmpty, subscription.topics.count != 1 {
            throw KafkaError(.configuration, "a subscription with companions has one lead topic")
        }
        var logger = logger
        logger[metadataKey: "kafka.group"] = "\(subscription.group)"
        let loop = try ConsumerLoop(subscription, configuration: configuration, logger: logger)
        self.loop = loop
        _ = PollingThread(name: "kafka-consumer") { loop.run() }
    }

    deinit {
        self.loop.handOff.abandon()
        self.loop.wakePoll()
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let consumer: KafkaConsumer

        /// - Throws: `KafkaError` with code `fenced` when another member took over this one's identity, or `broker`
        ///   when librdkafka cannot go on. What was held is reported `lost` before.
        package mutating func next() async throws -> KafkaConsumerEvent? {
            let loop = self.consumer.loop
            return try await withTaskCancellationOrGracefulShutdownHandler {
                try await loop.handOff.next()
            } onCancelOrGracefulShutdown: {
                if loop.handOff.stop() { loop.wakePoll() }
            }
        }
    }

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(consumer: self)
    }

    /// Has had its first assignment (perhaps of no partition): for `/readyz`.
    package var isReady: Bool { self.loop.rebalances.isReady }

    /// The partitions of subscribed topics that are ours, those being revoked included.
    package var assignment: Set<KafkaTopicPartition> { self.loop.rebalances.owned }

    /// Sets where a just assigned partition begins; only between `assigned` and the next event.
    package func start(_ partition: KafkaTopicPartition, at position: KafkaPosition) {
        self.loop.rebalances.start(partition, at: position)
    }

    /// The work up to and without `offset` is done: `offset` is what to consume next. Committed within a second, and
    /// when the partition is revoked. Ignored for a partition that is not ours.
    package func store(_ offset: Int64, for partition: KafkaTopicPartition) {
        guard self.loop.rebalances.isReadable(partition) else { return }
        let list = TopicPartitionList(CollectionOfOne((partition, offset)))
        rd_kafka_offsets_store(self.loop.handle.pointer, list.pointer)
    }

    /// Stops and resumes fetching, without leaving the group. What was fetched already may still come. A partition
    /// that is revoked is no longer paused.
    package func pause(_ partitions: [KafkaTopicPartition]) throws {
        self.loop.rebalances.setPaused(partitions, true)
        let list = TopicPartitionList(partitions)
        try Self.check(rd_kafka_pause_partitions(self.loop.handle.pointer, list.pointer), list)
    }

    package func resume(_ partitions: [KafkaTopicPartition]) throws {
        self.loop.rebalances.setPaused(partitions, false)
        let list = TopicPartitionList(partitions)
        try Self.check(rd_kafka_resume_partitions(self.loop.handle.pointer, list.pointer), list)
    }

    /// What the group has committed of these partitions, where it has; when every transaction that a predecessor left
    /// pending has come to its end, so that what was written with these offsets can be read.
    package func committed(_ partitions: [KafkaTopicPartition]) async -> [KafkaTopicPartition: Int64] {
        await self.loop.committed(partitions)
    }

    /// There is other work for whoever reads: with an `idleInterval`, the next event comes at once.
    package func wake() { self.loop.wakePoll() }

    /// Reads on from `offset`, dropping what was fetched ahead.
    package func seek(_ partition: KafkaTopicPartition, to offset: Int64) async throws {
        let loop = self.loop
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
            let command: HandOff<KafkaConsumerEvent>.Command = { isRunning in
                continuation.resume(
                    with: Result {
                        guard isRunning else { throw KafkaError(.closed, "the consumer has ended") }
                        try loop.seek(partition, to: offset)
                    }
                )
            }
            if loop.handOff.post(command) {
                loop.wakePoll()
            } else {
                command(false)
            }
        }
    }

    /// What a transaction needs to know of this member; the caller destroys it.
    func groupMetadata() -> OpaquePointer? {
        rd_kafka_consumer_group_metadata(self.loop.handle.pointer)
    }

    private static func check(_ code: rd_kafka_resp_err_t, _ list: borrowing TopicPartitionList) throws {
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(code, "partitions") }
        for element in list.elements where element.error != RD_KAFKA_RESP_ERR_NO_ERROR {
            throw KafkaError(element.error, "\(element.partition)")
        }
    }
}
