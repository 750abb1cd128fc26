import CRdKafka
import Dispatch
import Logging
import Synchronization

/// The polling thread of a tail. One client and one queue serve all partitions; which they are may change at any time.
final class TailLoop: Sendable {
    let handOff = HandOff<[KafkaRecord]>()
    private let handle: RdKafkaHandle
    private let queue: RecordQueue
    private let logger: Logger
    /// Changed by one thread at a time.
    private let started = Mutex<Set<KafkaTopicPartition>>([])

    init(configuration: KafkaConfiguration, logger: Logger) throws(KafkaError) {
        self.handle = try RdKafkaHandle(
            RD_KAFKA_CONSUMER,
            properties: KafkaProfile.properties(for: .reader(readCommitted: true), configuration),
            userProperties: configuration.properties,
            events: ClientEvents(logger: logger, metrics: .none)
        )
        self.queue = RecordQueue(on: self.handle)
        self.logger = logger
    }

    func wakePoll() { self.queue.wake() }

    func start(_ partition: KafkaTopicPartition, at position: KafkaPosition) {
        self.post { self.begin(partition, at: position) }
    }

    /// Returns when nothing more will come of the partition.
    func stop(_ partition: KafkaTopicPartition) async {
        await withCheckedContinuation { continuation in
            self.post {
                self.end(partition)
                continuation.resume()
            }
        }
    }

    /// Runs it on the thread; when that has ended there is nothing that it could disturb.
    private func post(_ command: @escaping @Sendable () -> Void) {
        if self.handOff.post({ _ in command() }) { self.wakePoll() } else { command() }
    }

    // MARK: on the thread

    func run() {
        var names = TopicNameCache()
        var end: Result<Void, any Error> = .success(())
        while !self.handOff.isStopping {
            self.runCommands()
            do {
                let records = try self.poll(names: &names)
                if !records.isEmpty { self.offer(records) }
            } catch {
                end = .failure(error)
                break
            }
        }
        for partition in self.started.withLock({ $0 }) { self.end(partition) }
        self.handOff.finish(end)
    }

    private func runCommands() {
        for command in self.handOff.takeCommands() { command(true) }
    }

    /// Returns when the records are taken.
    private func offer(_ records: [KafkaRecord]) {
        self.handOff.offer(records)
        while true {
            switch self.handOff.wait(until: .taken, timeout: .distantFuture) {
            case .commands: self.runCommands()
            case .timedOut: break
            case .reached, .stopping, .abandoned: return
            }
        }
    }

    private func begin(_ partition: KafkaTopicPartition, at position: KafkaPosition) {
        guard !self.handOff.isStopping, self.started.withLock({ $0.insert(partition).inserted }) else { return }
        do {
            let topic = try self.topic(partition.topic, position)
            let code = rd_kafka_consume_start_queue(
                topic.pointer,
                partition.partition,
                position.logicalOffset,
                self.queue.pointer
            )
            if code != 0 { throw KafkaError(rd_kafka_last_error(), "\(partition)") }
        } catch {
            self.started.withLock { _ = $0.remove(partition) }
            self.logger.error("partition cannot be read", metadata: ["error": "\(error)"])
        }
    }

    private func end(_ partition: KafkaTopicPartition) {
        guard self.started.withLock({ $0.remove(partition) }) != nil,
            let topic = try? self.handle.topic(partition.topic)
        else { return }
        rd_kafka_consume_stop(topic.pointer, partition.partition)
        self.handOff.revise { records in
            let others = records.filter { $0.topic != partition.topic || $0.partition != partition.partition }
            return others.isEmpty ? nil : others
        }
    }

    /// Out of range: who began at the end wants what is new, who began elsewhere all that is left.
    private func topic(_ name: String, _ position: KafkaPosition) throws(KafkaError) -> RdKafkaHandle.Topic {
        if !self.handle.hasTopic(name) {
            let reset = position.logicalOffset == Int64(RD_KAFKA_OFFSET_END) ? "latest" : "earliest"
            try self.handle.topic(name, property: "auto.offset.reset", value: reset)
        }
        return try self.handle.topic(name)
    }

    /// Waits for the first record or a command, then takes what else is there.
    private func poll(names: inout TopicNameCache) throws(KafkaError) -> [KafkaRecord] {
        let started = self.started.withLock { $0 }
        var batch = RecordBatch()
        var timeoutMs: Int32 = -1
        while !batch.isFull, let message = rd_kafka_consume_queue(self.queue.pointer, timeoutMs) {
            timeoutMs = 0
            let code = message.pointee.err
            let topic = names.name(of: message.pointee.rkt)
            let partition = KafkaTopicPartition(topic: topic, partition: message.pointee.partition)
            if code == RD_KAFKA_RESP_ERR_NO_ERROR, started.contains(partition) {
                batch.append(message)
                continue
            }
            rd_kafka_message_destroy(message)
            if code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR__PARTITION_EOF { continue }
            if let fatal = self.handle.fatalError { throw fatal }
            let error = KafkaError(code, "\(partition)")
            self.logger.warning("kafka tail error, librdkafka retries", metadata: ["error": "\(error.message)"])
        }
        return batch.count == 0 ? [] : batch.records(topics: &names)
    }
}

extension KafkaPosition {
    /// Librdkafka finds out what it stands for.
    fileprivate var logicalOffset: Int64 {
        switch self {
        case .offset(let offset): offset
        case .edge(.beginning), .committed(otherwise: .beginning): Int64(RD_KAFKA_OFFSET_BEGINNING)
        case .edge(.end), .committed(otherwise: .end): Int64(RD_KAFKA_OFFSET_END)
        case .tail(let count): Int64(RD_KAFKA_OFFSET_TAIL_BASE) - max(1, count)
        }
    }
}
