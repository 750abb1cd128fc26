import CRdKafka
import Dispatch
import Glibc
import Logging

/// The polling thread of a group member: polls, answers rebalances, and hands events over in order.
///
/// It polls ahead by one event. While the application is busy for long, it goes on polling with all partitions paused,
/// so that the member stays in the group (`max.poll.interval.ms`).
final class ConsumerLoop: Sendable {
    let handOff = HandOff<KafkaConsumerEvent>()
    let rebalances: Rebalances
    let client: GroupClient
    private let subscription: KafkaConsumer.Subscription
    let logger: Logger
    private let keepAlive: DispatchTimeInterval
    private let blocking = BlockingQueue(label: "kafka-consumer-blocking")

    init(
        _ subscription: KafkaConsumer.Subscription,
        configuration: KafkaConfiguration,
        logger: Logger
    ) throws(KafkaError) {
        let rebalances = Rebalances(companions: subscription.companions)
        var properties = KafkaProfile.properties(for: .consumer(subscription), configuration)
        properties["max.poll.interval.ms"] = configuration.properties["max.poll.interval.ms"] ?? "300000"
        self.client = try GroupClient(
            subscription,
            properties: properties,
            userProperties: configuration.properties,
            logger: logger,
            configure: {
                rebalances.install(on: $0)
                Self.dropWhatComesWhileClosing($0)
            }
        )
        let maximum = properties["max.poll.interval.ms"].flatMap { Int($0) } ?? 300_000
        self.keepAlive = .milliseconds(min(maximum / 3, 10_000))
        self.rebalances = rebalances
        self.subscription = subscription
        self.logger = logger
    }

    var handle: RdKafkaHandle { self.client.handle }

    /// Ends a poll that waits, or the next one.
    func wakePoll() { self.handle.wakeConsumerPoll() }

    // MARK: on the thread

    func run() {
        repeat {
            self.subscribe()
            self.serve()
        } while self.replaceClient()
        self.end()
    }

    /// Until it is to stop, or the client cannot go on.
    private func serve() {
        var topics = TopicNameCache()
        let idle = self.subscription.idleInterval
        let timeoutMs = idle.map { Int32(min($0 / .milliseconds(1), 60_000)) } ?? -1
        while !self.handOff.isStopping, self.handle.fatalError == nil {
            self.runCommands()
            if let rebalance = self.rebalances.takePending() {
                self.serve(rebalance)
                continue
            }
            let records = self.poll(timeoutMs: timeoutMs, topics: &topics)
            if !records.isEmpty || (idle != nil && !self.rebalances.hasPending && !self.handOff.isStopping) {
                self.handOff.offer(.records(records))
                self.wait(until: .taken)
            }
        }
    }

    private func subscribe() {
        let list = TopicPartitionList(
            self.subscription.topics.map { KafkaTopicPartition(topic: $0, partition: RD_KAFKA_PARTITION_UA) }
        )
        let code = rd_kafka_subscribe(self.handle.pointer, list.pointer)
        if code != RD_KAFKA_RESP_ERR_NO_ERROR {
            self.handOff.finish(.failure(KafkaError(code, "subscribe")))
            self.handOff.stop()
        }
    }

    /// Waits for the first record, then takes what else is there.
    private func poll(timeoutMs: Int32, topics: inout TopicNameCache) -> [KafkaRecord] {
        var batch = RecordBatch()
        var timeoutMs = timeoutMs
        while !batch.isFull, !self.rebalances.hasPending,
            let message = rd_kafka_consumer_poll(self.handle.pointer, timeoutMs)
        {
            timeoutMs = 0
            if message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR {
                batch.append(message)
            } else {
                self.report(message)
                rd_kafka_message_destroy(message)
            }
        }
        return batch.count == 0 ? [] : batch.records(topics: &topics)
    }

    /// A consumer's errors are for information: librdkafka retries. What it cannot get over is its fatal error, with
    /// which the sequence ends.
    private func report(_ message: UnsafeMutablePointer<rd_kafka_message_t>) {
        if message.pointee.err == RD_KAFKA_RESP_ERR__FATAL { return }
        let text = rd_kafka_message_errstr(message).map { String(cString: $0) } ?? ""
        self.logger.warning("kafka consumer error, librdkafka retries", metadata: ["error": "\(text)"])
    }

    private func runCommands() {
        for command in self.handOff.takeCommands() { command(true) }
    }

    /// Waits for the application, staying in the group meanwhile.
    private func wait(until milestone: HandOff<KafkaConsumerEvent>.Milestone) {
        var isPaused = false
        while true {
            switch self.handOff.wait(until: milestone, timeout: .now() + self.keepAlive) {
            case .commands: self.runCommands()
            case .timedOut:
                if !isPaused { self.pauseAll(true) }
                isPaused = true
                self.pollPaused()
            case .reached, .stopping, .abandoned:
                if isPaused { self.pauseAll(false) }
                return
            }
        }
    }

    /// All but what the application paused itself.
    private func pauseAll(_ pause: Bool) {
        guard let held = self.heldPartitions else { return }
        let paused = self.rebalances.paused
        let list = TopicPartitionList(held.filter { !paused.contains($0) })
        if pause {
            rd_kafka_pause_partitions(self.handle.pointer, list.pointer)
        } else {
            rd_kafka_resume_partitions(self.handle.pointer, list.pointer)
            self.wakeBrokerThreads()
        }
    }

    /// Polls with everything paused: for the member's liveness, and to learn of partitions that are lost.
    private func pollPaused() {
        while !self.rebalances.hasPending, let message = rd_kafka_consumer_poll(self.handle.pointer, 0) {
            if message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR {
                // Fetched in the instant before the pause: read again after the resume.
                let record = message.pointee
                rd_kafka_seek(record.rkt, record.partition, record.offset, 0)
            } else {
                self.report(message)
            }
            rd_kafka_message_destroy(message)
        }
        self.keepInHand { self.rebalances.isReadable($0) }
    }
}

extension ConsumerLoop {
    /// On the thread, as a command: no record can be between the queue and the hand-off then.
    func seek(_ partition: KafkaTopicPartition, to offset: Int64) throws {
        let list = TopicPartitionList(CollectionOfOne((partition, offset)))
        if let error = rd_kafka_seek_partitions(self.handle.pointer, list.pointer, 5_000) {
            defer { rd_kafka_error_destroy(error) }
            throw KafkaError(rd_kafka_error_code(error), "seek \(partition)")
        }
        if let failed = list.elements.first(where: { $0.error != RD_KAFKA_RESP_ERR_NO_ERROR }) {
            throw KafkaError(failed.error, "seek \(partition)")
        }
        self.keepInHand { $0 != partition }
    }

    /// Drops records of other partitions that were polled ahead.
    private func keepInHand(_ isKept: (KafkaTopicPartition) -> Bool) {
        self.handOff.revise { event in
            guard case .records(let records) = event else { return event }
            let kept = records.filter { isKept(KafkaTopicPartition(topic: $0.topic, partition: $0.partition)) }
            return kept.isEmpty ? nil : .records(kept)
        }
    }
}

/// Answers to rebalances. All run on the thread.
extension ConsumerLoop {
    private func serve(_ rebalance: Rebalances.Rebalance) {
        switch rebalance {
        case .assign(let partitions):
            self.client.joined()
            self.note("partitions assigned", partitions)
            self.rebalances.add(partitions)
            // The first is told in any case: it says that this member has been considered.
            let isFirst = !self.rebalances.isReady
            self.rebalances.setReady()
            if !partitions.isEmpty || isFirst {
                self.tell(.assigned(Self.numbers(partitions)))
            }
            self.assign(partitions)
        case .revoke(let partitions):
            self.note("partitions revoked", partitions)
            self.tell(.revoked(Self.numbers(partitions)))
            self.commit()
            self.unassign(partitions)
            self.rebalances.remove(partitions)
        case .lost(let partitions):
            self.note("partitions lost", partitions)
            self.tell(.lost(Self.numbers(partitions)))
            self.unassign(partitions)
            self.rebalances.remove(partitions)
        }
    }

    private func note(_ what: Logger.Message, _ partitions: [KafkaTopicPartition]) {
        let numbers = Self.numbers(partitions).map(String.init).joined(separator: ",")
        self.logger.info(what, metadata: ["kafka.partitions": "\(numbers)"])
    }

    func tell(_ event: KafkaConsumerEvent) {
        self.handOff.offer(event)
        self.wait(until: .dealtWith)
    }

    static func numbers(_ partitions: some Collection<KafkaTopicPartition>) -> [Int32] {
        Set(partitions.map(\.partition)).sorted()
    }

    private func assign(_ partitions: [KafkaTopicPartition]) {
        let starts = self.rebalances.takeStarts()
        var offsets: [(KafkaTopicPartition, Int64)] = []
        var undecided: [KafkaTopicPartition: KafkaPosition.Edge] = [:]
        for partition in self.rebalances.withCompanions(partitions) {
            let position =
                starts[partition] ?? self.subscription.positions[partition.topic]
                ?? .committed(otherwise: .beginning)
            switch position {
            case .offset(let offset): offsets.append((partition, offset))
            case .edge(let edge): offsets.append((partition, edge.logicalOffset))
            case .tail(let count): offsets.append((partition, Int64(RD_KAFKA_OFFSET_TAIL_BASE) - max(0, count)))
            case .committed(let edge): undecided[partition] = edge
            }
        }
        if !undecided.isEmpty { offsets += self.committed(undecided) }
        let list = TopicPartitionList(offsets)
        self.check(rd_kafka_incremental_assign(self.handle.pointer, list.pointer), "partitions not assigned")
        self.wakeBrokerThreads()
    }

    /// For a rebalance librdkafka pauses all partitions, also those that stay, and lets them go on when it is answered;
    /// but the thread of a broker that has nothing to fetch meanwhile sleeps up to a second (2.0.2:
    /// `rd_kafka_max_block_ms`), and nobody wakes it. Something to send does, and so does its answer.
    private func wakeBrokerThreads() {
        // Asked of the thread that lets partitions go on, which has done so when it answers.
        guard let held = self.heldPartitions, !held.isEmpty else { return }
        let list = TopicPartitionList(held.map { ($0, Int64(RD_KAFKA_OFFSET_END)) })
        rd_kafka_offsets_for_times(self.handle.pointer, list.pointer, 100)
    }

    /// Those of companions included; nil when librdkafka does not say.
    private var heldPartitions: [KafkaTopicPartition]? {
        var assignment: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
        guard rd_kafka_assignment(self.handle.pointer, &assignment) == RD_KAFKA_RESP_ERR_NO_ERROR, let assignment
        else { return nil }
        return TopicPartitionList(adopting: assignment).elements.map(\.partition)
    }

    /// Asks for committed offsets until there is an answer. Left to librdkafka, one error of a broker that has just come
    /// back (2.0.2: "not coordinator") would leave the partitions without a beginning for ever.
    private func committed(_ partitions: [KafkaTopicPartition: KafkaPosition.Edge]) -> [(KafkaTopicPartition, Int64)] {
        self.committedOffsets(partitions.keys).elements.map { element in
            let edge = partitions[element.partition] ?? .beginning
            return (element.partition, element.offset >= 0 ? element.offset : edge.logicalOffset)
        }
    }

    /// The broker answers a `read_committed` member when no transaction is pending on these offsets (KIP-447).
    func committed(_ partitions: [KafkaTopicPartition]) async -> [KafkaTopicPartition: Int64] {
        await self.blocking.run {
            let known = self.committedOffsets(partitions).elements.filter { $0.offset >= 0 }
            return Dictionary(known.map { ($0.partition, $0.offset) }) { $1 }
        }
    }

    private func committedOffsets(_ partitions: some Collection<KafkaTopicPartition>) -> TopicPartitionList {
        let list = TopicPartitionList(partitions)
        while !self.handOff.isStopping, self.handle.fatalError == nil {
            let code = rd_kafka_committed(self.handle.pointer, list.pointer, 2_000)
            let failed =
                code != RD_KAFKA_RESP_ERR_NO_ERROR
                ? code : list.elements.lazy.map(\.error).first { $0 != RD_KAFKA_RESP_ERR_NO_ERROR }
            guard let failed else { break }
            self.logger.warning("committed offsets unknown", metadata: ["error": "\(KafkaError.text(of: failed))"])
            // On the polling thread, or on one for blocking calls: no task's thread is held up.
            usleep(50_000)
        }
        return list
    }

    private func unassign(_ partitions: [KafkaTopicPartition]) {
        let list = TopicPartitionList(self.rebalances.withCompanions(partitions))
        self.check(rd_kafka_incremental_unassign(self.handle.pointer, list.pointer), "partitions not unassigned")
        self.wakeBrokerThreads()
    }

    func check(_ error: OpaquePointer?, _ what: Logger.Message) {
        guard let error else { return }
        defer { rd_kafka_error_destroy(error) }
        let text = rd_kafka_error_string(error).map { String(cString: $0) } ?? ""
        self.logger.warning(what, metadata: ["error": "\(text)"])
    }

    /// Commits what is stored, and waits until the broker has it.
    func commit() {
        guard let queue = rd_kafka_queue_new(self.handle.pointer) else { return }
        defer { rd_kafka_queue_destroy(queue) }
        var code = rd_kafka_commit_queue(self.handle.pointer, nil, queue, nil, nil)
        if code == RD_KAFKA_RESP_ERR_NO_ERROR {
            let event = rd_kafka_queue_poll(queue, 5_000)
            defer { rd_kafka_event_destroy(event) }
            code = event.map { rd_kafka_event_error($0) } ?? RD_KAFKA_RESP_ERR__TIMED_OUT
        }
        if code != RD_KAFKA_RESP_ERR_NO_ERROR, code != RD_KAFKA_RESP_ERR__NO_OFFSET {
            self.logger.warning("offsets not committed", metadata: ["error": "\(KafkaError.text(of: code))"])
        }
    }
}

extension KafkaPosition.Edge {
    var logicalOffset: Int64 {
        switch self {
        case .beginning: Int64(RD_KAFKA_OFFSET_BEGINNING)
        case .end: Int64(RD_KAFKA_OFFSET_END)
        }
    }
}
