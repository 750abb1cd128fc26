package import Logging

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

    package enum Edge: Sendable, Equatable {
        case beginning
        case end
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
    /// What was ready, in order within each partition.
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

        package init(
            group: String,
            topics: [String],
            companions: [String] = [],
            positions: [String: KafkaPosition] = [:],
            endWhenOutOfRange: Set<String> = [],
            readCommitted: Bool = true
        ) {
            self.group = group
            self.topics = topics
            self.companions = companions
            self.positions = positions
            self.endWhenOutOfRange = endWhenOutOfRange
            self.readCommitted = readCommitted
        }
    }

    /// - Throws: `KafkaError` with code `configuration`.
    package init(_ subscription: Subscription, configuration: KafkaConfiguration, logger: Logger) throws {
        fatalError("stub")
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        package mutating func next() async throws -> KafkaConsumerEvent? {
            fatalError("stub")
        }
    }

    package func makeAsyncIterator() -> AsyncIterator {
        fatalError("stub")
    }

    /// Has had its first assignment (perhaps of no partition): for `/readyz`.
    package var isReady: Bool { fatalError("stub") }

    /// Sets where a just assigned partition begins; only between `assigned` and the next event.
    package func start(_ partition: KafkaTopicPartition, at position: KafkaPosition) {
        fatalError("stub")
    }

    /// The work up to and without `offset` is done: `offset` is what to consume next. Committed within a second, and
    /// when the partition is revoked. Ignored for a partition that is not ours.
    package func store(_ offset: Int64, for partition: KafkaTopicPartition) {
        fatalError("stub")
    }

    /// Stops and resumes fetching, without leaving the group.
    package func pause(_ partitions: [KafkaTopicPartition]) throws {
        fatalError("stub")
    }

    package func resume(_ partitions: [KafkaTopicPartition]) throws {
        fatalError("stub")
    }

    /// Reads on from `offset`, dropping what was fetched ahead.
    package func seek(_ partition: KafkaTopicPartition, to offset: Int64) async throws {
        fatalError("stub")
    }
}
