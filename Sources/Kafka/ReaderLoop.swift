import CRdKafka
import Dispatch
import Logging

/// The polling thread of a group-less reader. It fixes start and end as plain offsets, then reads from one to the other.
final class ReaderLoop: Sendable {
    let partition: KafkaTopicPartition
    let handOff = HandOff<[KafkaRecord]>()
    let positioned = Gate()
    private let handle: RdKafkaHandle
    private let queue: RecordQueue
    private let position: KafkaPosition
    private let follow: Bool
    private let logger: Logger

    /// Where the partition's records arrive. `@unchecked Sendable`: librdkafka locks it.
    private final class RecordQueue: @unchecked Sendable {
        let pointer: OpaquePointer
        /// Kept as long as the queue.
        private let handle: RdKafkaHandle

        init(on handle: RdKafkaHandle) {
            self.pointer = rd_kafka_queue_new(handle.pointer)
            self.handle = handle
        }

        deinit { rd_kafka_queue_destroy(self.pointer) }
    }

    init(
        _ partition: KafkaTopicPartition,
        from position: KafkaPosition,
        follow: Bool,
        readCommitted: Bool,
        configuration: KafkaConfiguration,
        logger: Logger
    ) throws(KafkaError) {
        self.handle = try RdKafkaHandle(
            RD_KAFKA_CONSUMER,
            properties: KafkaProfile.properties(for: .reader(readCommitted: readCommitted), configuration),
            userProperties: configuration.properties,
            events: ClientEvents(logger: logger, metrics: .none)
        )
        // Out of range: who reads from the end wants what is new, who reads from elsewhere all that is left.
        try self.handle.topic(
            partition.topic,
            property: "auto.offset.reset",
            value: position.isEnd ? "latest" : "earliest"
        )
        self.partition = partition
        self.queue = RecordQueue(on: self.handle)
        self.position = position
        self.follow = follow
        self.logger = logger
    }

    /// Ends a poll that waits, or the next one.
    func wakePoll() { rd_kafka_queue_yield(self.queue.pointer) }

    // MARK: on the thread

    func run() {
        do {
            if let range = try self.range() { try self.read(range) }
            self.positioned.open(.failure(KafkaError(.closed, "the reader has ended")))
            self.handOff.finish()
        } catch {
            self.positioned.open(.failure(error))
            self.handOff.finish(.failure(error))
        }
    }

    /// The first offset to read, and the end to stop at unless reading follows. Nil when stopped before it is known.
    private func range() throws(KafkaError) -> (start: Int64, end: Int64)? {
        while !self.handOff.isStopping {
            var low: Int64 = 0
            var high: Int64 = 0
            let code = rd_kafka_query_watermark_offsets(
                self.handle.pointer,
                self.partition.topic,
                self.partition.partition,
                &low,
                &high,
                2_000
            )
            if code == RD_KAFKA_RESP_ERR_NO_ERROR {
                return (self.position.offset(low: low, high: high), high)
            }
            let error = KafkaError(code, "\(self.partition)")
            guard error.mayPass else { throw error }
            self.logger.debug("partition not known yet", metadata: ["error": "\(error.message)"])
            // Librdkafka answers at once when it has no leader yet; stopping ends this wait.
            if rd_kafka_queue_poll_callback(self.queue.pointer, 50) != 0 { continue }
        }
        return nil
    }

    private func read(_ range: (start: Int64, end: Int64)) throws(KafkaError) {
        let topic = try self.handle.topic(self.partition.topic)
        guard self.follow || range.start < range.end else { return self.positioned.open(.success(())) }
        guard
            rd_kafka_consume_start_queue(topic.pointer, self.partition.partition, range.start, self.queue.pointer) == 0
        else { throw KafkaError(rd_kafka_last_error(), "\(self.partition)") }
        defer { rd_kafka_consume_stop(topic.pointer, self.partition.partition) }
        self.positioned.open(.success(()))
        let end = self.follow ? Int64.max : range.end
        var next = range.start
        var names = TopicNameCache()
        while next < end, !self.handOff.isStopping {
            let records = try self.poll(&next, names: &names).filter { $0.offset < end }
            if !records.isEmpty {
                self.handOff.offer(records)
                while case .timedOut = self.handOff.wait(until: .taken, timeout: .distantFuture) {}
            }
        }
        // The last batch is still to be taken, unless nobody wants it.
        if self.handOff.isStopping { self.handOff.revise { _ in nil } }
    }

    /// Waits for the first record, then takes what else is there.
    /// - Parameter next: moves to the offset behind what was read, control records and gaps included.
    private func poll(_ next: inout Int64, names: inout TopicNameCache) throws(KafkaError) -> [KafkaRecord] {
        var batch = RecordBatch()
        var timeoutMs: Int32 = -1
        while !batch.isFull, let message = rd_kafka_consume_queue(self.queue.pointer, timeoutMs) {
            timeoutMs = 0
            let code = message.pointee.err
            if code == RD_KAFKA_RESP_ERR_NO_ERROR {
                next = message.pointee.offset + 1
                batch.append(message)
                continue
            }
            defer { rd_kafka_message_destroy(message) }
            if code == RD_KAFKA_RESP_ERR__PARTITION_EOF {
                next = max(next, message.pointee.offset)
                break
            }
            let error = KafkaError(code, "\(self.partition)")
            if let fatal = self.handle.fatalError { throw fatal }
            self.logger.warning("kafka reader error, librdkafka retries", metadata: ["error": "\(error.message)"])
        }
        return batch.count == 0 ? [] : batch.records(topics: &names)
    }
}

extension KafkaPosition {
    fileprivate var isEnd: Bool { self == .edge(.end) || self == .committed(otherwise: .end) }

    /// Without a group nothing is committed.
    fileprivate func offset(low: Int64, high: Int64) -> Int64 {
        switch self {
        case .offset(let offset): offset
        case .edge(.beginning), .committed(otherwise: .beginning): low
        case .edge(.end), .committed(otherwise: .end): high
        }
    }
}

extension KafkaError {
    /// Whether asking again may help: metadata is stale, a broker is away, a leader moves.
    var mayPass: Bool {
        switch rd_kafka_resp_err_t(self.librdkafkaCode) {
        case RD_KAFKA_RESP_ERR__TRANSPORT, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, RD_KAFKA_RESP_ERR__TIMED_OUT,
            RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION,
            RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART,
            RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
            RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE,
            RD_KAFKA_RESP_ERR_REPLICA_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
            RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE, RD_KAFKA_RESP_ERR__WAIT_COORD, RD_KAFKA_RESP_ERR__RESOLVE,
            RD_KAFKA_RESP_ERR_NOT_CONTROLLER, RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
            RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
            RD_KAFKA_RESP_ERR_FENCED_LEADER_EPOCH,
            RD_KAFKA_RESP_ERR_UNKNOWN_LEADER_EPOCH:
            true
        default: false
        }
    }
}
