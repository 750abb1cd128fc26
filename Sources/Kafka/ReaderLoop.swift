import CRdKafka
import Dispatch
import Logging

/// The polling thread of a group-less reader. It fixes start and end of each partition as plain offsets, then reads from
/// one to the other. One client and one queue serve all partitions.
final class ReaderLoop: Sendable {
    /// Topic and partitions, for messages.
    let name: String
    let handOff = HandOff<[KafkaRecord]>()
    let positioned = Gate()
    private let handle: RdKafkaHandle
    private let queue: RecordQueue
    private let topic: String
    private let positions: [Int32: KafkaPosition]
    private let follow: Bool
    private let logger: Logger

    /// What is still to be read of a partition.
    fileprivate struct Span {
        var next: Int64
        /// `Int64.max` when reading follows.
        let end: Int64

        var isRead: Bool { self.next >= self.end }
    }

    init(
        _ topic: String,
        from positions: [Int32: KafkaPosition],
        follow: Bool,
        readCommitted: Bool,
        configuration: KafkaConfiguration,
        logger: Logger
    ) throws(KafkaError) {
        self.name = "\(topic) \(positions.keys.sorted())"
        var logger = logger
        logger[metadataKey: "kafka.partition"] = "\(self.name)"
        self.handle = try RdKafkaHandle(
            RD_KAFKA_CONSUMER,
            properties: KafkaProfile.properties(for: .reader(readCommitted: readCommitted), configuration),
            userProperties: configuration.properties,
            events: ClientEvents(logger: logger, metrics: .none)
        )
        // Out of range: who reads from the end wants what is new, who reads from elsewhere all that is left.
        try self.handle.topic(
            topic,
            property: "auto.offset.reset",
            value: positions.values.allSatisfy(\.isEnd) ? "latest" : "earliest"
        )
        self.topic = topic
        self.queue = RecordQueue(on: self.handle)
        self.positions = positions
        self.follow = follow
        self.logger = logger
    }

    /// Ends a poll that waits, or the next one.
    func wakePoll() { self.queue.wake() }

    // MARK: on the thread

    func run() {
        do {
            if let spans = try self.spans() { try self.read(spans) }
            self.positioned.open(.failure(KafkaError(.closed, "the reader has ended")))
            self.handOff.finish()
        } catch {
            self.positioned.open(.failure(error))
            self.handOff.finish(.failure(error))
        }
    }

    /// What is to be read of each partition, which may be nothing. Nil when stopped before it is known.
    private func spans() throws(KafkaError) -> [Int32: Span]? {
        var spans: [Int32: Span] = [:]
        for (partition, position) in self.positions {
            guard let range = try self.range(of: partition) else { return nil }
            let start = position.offset(low: range.low, high: range.high)
            spans[partition] = Span(next: start, end: self.follow ? .max : range.high)
        }
        return spans
    }

    private func range(of partition: Int32) throws(KafkaError) -> (low: Int64, high: Int64)? {
        while !self.handOff.isStopping {
            var low: Int64 = 0
            var high: Int64 = 0
            let code = rd_kafka_query_watermark_offsets(
                self.handle.pointer,
                self.topic,
                partition,
                &low,
                &high,
                2_000
            )
            if code == RD_KAFKA_RESP_ERR_NO_ERROR { return (low, high) }
            let error = self.error(code, partition)
            guard error.mayPass else { throw error }
            self.logger.debug("partition not known yet", metadata: ["error": "\(error.message)"])
            // Librdkafka answers at once when it has no leader yet; stopping ends this wait.
            if rd_kafka_queue_poll_callback(self.queue.pointer, 50) != 0 { continue }
        }
        return nil
    }

    private func read(_ spans: [Int32: Span]) throws(KafkaError) {
        var spans = spans.filter { !$0.value.isRead }
        let topic = try self.handle.topic(self.topic)
        var started: [Int32] = []
        defer { for partition in started { rd_kafka_consume_stop(topic.pointer, partition) } }
        for (partition, span) in spans {
            guard rd_kafka_consume_start_queue(topic.pointer, partition, span.next, self.queue.pointer) == 0
            else { throw self.error(rd_kafka_last_error(), partition) }
            started.append(partition)
        }
        self.positioned.open(.success(()))
        var names = TopicNameCache()
        while !spans.isEmpty, !self.handOff.isStopping {
            let records = try self.poll(&spans, names: &names)
            if !records.isEmpty {
                self.handOff.offer(records)
                while case .timedOut = self.handOff.wait(until: .taken, timeout: .distantFuture) {}
            }
        }
        // The last batch is still to be taken, unless nobody wants it.
        if self.handOff.isStopping { self.handOff.revise { _ in nil } }
    }

    /// Waits for the first record, then takes what else is there.
    /// - Parameter spans: move on behind what was read, control records and gaps included; those read whole are removed,
    ///   and nothing more is taken of them.
    private func poll(_ spans: inout [Int32: Span], names: inout TopicNameCache) throws(KafkaError) -> [KafkaRecord] {
        var batch = RecordBatch()
        var timeoutMs: Int32 = -1
        while !spans.isEmpty, !batch.isFull,
            let message = rd_kafka_consume_queue(self.queue.pointer, timeoutMs)
        {
            timeoutMs = 0
            let code = message.pointee.err
            let partition = message.pointee.partition
            let offset = message.pointee.offset
            if code == RD_KAFKA_RESP_ERR_NO_ERROR, let span = spans[partition], offset < span.end {
                batch.append(message)
                spans.move(partition, to: offset + 1)
                continue
            }
            defer { rd_kafka_message_destroy(message) }
            switch code {
            case RD_KAFKA_RESP_ERR_NO_ERROR, RD_KAFKA_RESP_ERR__PARTITION_EOF: spans.move(partition, to: offset)
            default:
                if let fatal = self.handle.fatalError { throw fatal }
                let error = self.error(code, partition)
                self.logger.warning("kafka reader error, librdkafka retries", metadata: ["error": "\(error.message)"])
            }
        }
        return batch.count == 0 ? [] : batch.records(topics: &names)
    }

    private func error(_ code: rd_kafka_resp_err_t, _ partition: Int32) -> KafkaError {
        KafkaError(code, "\(KafkaTopicPartition(topic: self.topic, partition: partition))")
    }
}

extension [Int32: ReaderLoop.Span] {
    /// Never backwards.
    fileprivate mutating func move(_ partition: Int32, to offset: Int64) {
        guard var span = self[partition] else { return }
        span.next = Swift.max(span.next, offset)
        self[partition] = span.isRead ? nil : span
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
        case .tail(let count): max(low, high - max(0, count))
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
