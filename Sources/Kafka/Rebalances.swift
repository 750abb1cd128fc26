import CRdKafka
import Synchronization

/// What the group wants of this member, as the rebalance callback puts it down and the polling thread answers it.
final class Rebalances: Sendable {
    enum Rebalance: Sendable, Equatable {
        case assign([KafkaTopicPartition])
        case revoke([KafkaTopicPartition])
        case lost([KafkaTopicPartition])
    }

    fileprivate struct State {
        var pending: [Rebalance] = []
        /// Partitions of subscribed topics that the application was told about.
        var owned: Set<KafkaTopicPartition> = []
        /// Those and their companions' partitions.
        var readable: Set<KafkaTopicPartition> = []
        var starts: [KafkaTopicPartition: KafkaPosition] = [:]
        var paused: Set<KafkaTopicPartition> = []
        var isReady = false
        var hasJoined = false
    }

    private let companions: [String]
    private let state = Mutex(State())

    init(companions: [String]) {
        self.companions = companions
    }

    /// Sets the callback; `self` must outlive the polling.
    func install(on conf: OpaquePointer) {
        rd_kafka_conf_set_opaque(conf, Unmanaged.passUnretained(self).toOpaque())
        rd_kafka_conf_set_rebalance_cb(conf) { client, code, partitions, opaque in
            guard let client, let opaque else { return }
            Unmanaged<Rebalances>.fromOpaque(opaque).takeUnretainedValue().received(code, partitions, of: client)
        }
    }

    private func received(
        _ code: rd_kafka_resp_err_t,
        _ list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?,
        of client: OpaquePointer
    ) {
        let partitions = list.map { TopicPartitionList.elements(of: $0).map(\.partition) } ?? []
        let rebalance: Rebalance =
            if code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
                .assign(partitions)
            } else if rd_kafka_assignment_lost(client) != 0 {
                .lost(partitions)
            } else {
                .revoke(partitions)
            }
        self.state.withLock { state in
            state.pending.append(rebalance)
            // Nobody may work on these any more, whatever is still in hand.
            if case .lost = rebalance { state.readable.subtract(self.withCompanions(partitions)) }
        }
        // The poll must come back at once: it would go on waiting for records, and there are none while this waits.
        rd_kafka_yield(client)
    }

    /// The same partitions, and the companions' partitions of the same number.
    func withCompanions(_ partitions: [KafkaTopicPartition]) -> [KafkaTopicPartition] {
        guard !self.companions.isEmpty else { return partitions }
        return partitions.flatMap { partition in
            [partition]
                + self.companions.map { KafkaTopicPartition(topic: $0, partition: partition.partition) }
        }
    }

    var hasPending: Bool { self.state.withLock { !$0.pending.isEmpty } }

    func takePending() -> Rebalance? {
        self.state.withLock { $0.pending.isEmpty ? nil : $0.pending.removeFirst() }
    }

    var owned: Set<KafkaTopicPartition> { self.state.withLock { $0.owned } }

    func isReadable(_ partition: KafkaTopicPartition) -> Bool {
        self.state.withLock { $0.readable.contains(partition) }
    }

    /// The application is told about these next.
    func add(_ partitions: [KafkaTopicPartition]) {
        self.state.withLock { state in
            state.owned.formUnion(partitions)
            state.readable.formUnion(self.withCompanions(partitions))
        }
    }

    func remove(_ partitions: [KafkaTopicPartition]) {
        self.state.withLock { $0.remove(partitions, and: self.withCompanions(partitions)) }
    }

    /// The client is another one: it holds nothing yet.
    func reset() {
        self.state.withLock { state in
            let isReady = state.isReady
            state = State()
            state.isReady = isReady
        }
    }

    func start(_ partition: KafkaTopicPartition, at position: KafkaPosition) {
        self.state.withLock { $0.starts[partition] = position }
    }

    func takeStarts() -> [KafkaTopicPartition: KafkaPosition] {
        self.state.withLock { state in
            defer { state.starts.removeAll() }
            return state.starts
        }
    }

    /// What the application paused itself.
    var paused: Set<KafkaTopicPartition> { self.state.withLock { $0.paused } }

    func setPaused(_ partitions: [KafkaTopicPartition], _ isPaused: Bool) {
        self.state.withLock { state in
            if isPaused {
                state.paused.formUnion(partitions)
            } else {
                state.paused.subtract(partitions)
            }
        }
    }

    var isReady: Bool { self.state.withLock { $0.isReady } }

    /// The present client has had its first assignment.
    var hasJoined: Bool { self.state.withLock { $0.hasJoined } }

    func setReady() {
        self.state.withLock { state in
            state.isReady = true
            state.hasJoined = true
        }
    }
}

extension Rebalances.State {
    fileprivate mutating func remove(_ owned: [KafkaTopicPartition], and readable: [KafkaTopicPartition]) {
        self.owned.subtract(owned)
        self.readable.subtract(readable)
        self.paused.subtract(readable)
    }
}
