import CallEvents
import CallFlow
import Kafka
import Logging
import ServiceLifecycle
import StageRuntime

/// Consumes topic events, folds, and produces: a batch at a time, each in one transaction with its input offsets.
struct Coordinator: Service {
    private let consumer: KafkaConsumer
    private let transactions: KafkaTransactionalProducer
    private let deadLetters: DeadLetters
    private let effects: EffectRunner
    private let tools: HTTPToolRunner
    private let context: StageContext
    private let metrics: CoordinatorMetrics
    private let assignment = "kafka-assignment"

    /// How late a timer may be.
    private static let idleInterval = Duration.milliseconds(100)

    init(
        transactions: KafkaTransactionalProducer,
        deadLetters: DeadLetters,
        effects: EffectRunner,
        tools: HTTPToolRunner,
        context: StageContext
    ) throws {
        self.transactions = transactions
        self.deadLetters = deadLetters
        self.effects = effects
        self.tools = tools
        self.context = context
        self.metrics = CoordinatorMetrics(effects.agents)
        let consumer = try KafkaConsumer(
            KafkaConsumer.Subscription(
                group: context.group,
                topics: [context.topics[.events]],
                idleEvery: Self.idleInterval
            ),
            configuration: context.kafka,
            logger: context.logger
        )
        self.consumer = consumer
        tools.onFinished { [weak consumer] in consumer?.wake() }
        context.health.require(self.assignment)
    }

    /// - Throws: `KafkaError` with code `fenced` when another instance has taken this one's identity, and whatever
    ///   Kafka reports for good.
    func run() async throws {
        // Ends what a predecessor of the same identity left open: reading what is committed would wait for it.
        try await self.transactions.transaction([], offsets: [:], of: self.consumer)
        var table = CallTable()
        var cleanedAt = ContinuousClock.now
        for try await event in self.consumer {
            switch event {
            case .assigned(let partitions):
                try await self.takeOver(partitions, &table)
                self.context.health.set(self.assignment, ready: true)
            case .revoked(let partitions), .lost(let partitions):
                for partition in partitions { table.unload(partition) }
            case .records(let records):
                var batch = self.newBatch()
                if cleanedAt.duration(to: .now) > .seconds(60) {
                    cleanedAt = .now
                    for callSid in table.removeExpired(nowUs: batch.clockUs) { batch.remove(callSid) }
                }
                try self.takeWhatIsOwed(&batch, &table)
                try self.takeWhatIsDue(&batch, &table)
                try await self.handle(records, &batch, &table)
            }
            self.metrics.holds(table.active)
        }
    }

    /// What comes from the clock and from other systems, and not from topic events, becomes events too.
    private func takeWhatIsDue(_ batch: inout CoordinatorBatch, _ table: inout CallTable) throws {
        for finished in self.tools.takeFinished() where table.holds(finished.callSid) {
            try batch.add(finished)
        }
        for (callSid, timer) in table.takeDue(nowUs: batch.clockUs) {
            var fired = TimerFired()
            fired.timer = timer
            try batch.add(.timerFired(fired), id: CallID.timerFired(callSid, timer), of: callSid)
        }
    }

    private func takeOver(_ partitions: [Int32], _ table: inout CallTable) async throws {
        let committed = await self.consumer.committed(partitions.map { self.events($0) })
        for (partition, snapshots) in try await self.restore(partitions, &table) {
            table.move(partition, to: committed[self.events(partition)])
            // The embedded broker does not keep offsets that a transaction carries.
            if self.context.kafka.profile == .embedded, snapshots.appliedOffset >= 0 {
                self.consumer.start(self.events(partition), at: .offset(snapshots.appliedOffset + 1))
            }
        }
    }

    /// Makes the table what the snapshots say. What these calls are owed is done with the next batch: not now, since this
    /// instance may have lost them and not know it yet.
    private func restore(_ partitions: [Int32], _ table: inout CallTable) async throws -> [Int32: Snapshots] {
        let snapshots = try await Snapshots.read(
            partitions,
            of: self.context.topics[.state],
            configuration: self.context.kafka,
            logger: self.context.logger
        )
        for (partition, snapshots) in snapshots { table.load(partition, snapshots.calls) }
        return snapshots
    }

    /// A tool's completion is written together with the snapshot in which it was asked for. Where a broker tore the two
    /// apart, the tool is run again, if it may.
    private func takeWhatIsOwed(_ batch: inout CoordinatorBatch, _ table: inout CallTable) throws {
        for state in table.takeRestored() {
            for effect in state.pendingEffects {
                try batch.add(self.effects.perform(effect, of: state, atUs: batch.clockUs), of: state.callSid)
            }
        }
    }

    private func handle(_ records: [KafkaRecord], _ batch: inout CoordinatorBatch, _ table: inout CallTable)
        async throws
    {
        for record in records {
            try await self.fold(record, &batch, &table)
            batch.consumed(record)
        }
        // Also what no record led to goes with offsets: the broker refuses those of an instance that has lost the partition.
        let offsets = table.positions(self.context.topics[.events]).merging(batch.offsets) { $1 }
        let messages = try batch.messages
        if messages.isEmpty, records.isEmpty, batch.calls.isEmpty { return }
        let began = ContinuousClock.now
        guard try await self.commit(messages, offsets: offsets) else {
            self.tools.putBack(batch.finished)
            return try await self.rewind(records, &table)
        }
        for (partition, offset) in offsets { table.move(partition.partition, to: offset) }
        for call in batch.calls { self.tools.start(call) }
        self.metrics.committed(batch, events: records.count, in: began.duration(to: .now))
    }

    /// - Returns: false, after a pause, when the transaction was aborted.
    private func commit(_ messages: [KafkaMessage], offsets: [KafkaTopicPartition: Int64]) async throws -> Bool {
        do {
            try await self.transactions.transaction(messages, offsets: offsets, of: self.consumer)
            return true
        } catch let error as KafkaError where error.code == .transactionAborted {
            self.metrics.wasAborted()
            self.context.logger.warning("Transaction aborted, repeating", metadata: [LogKey.error: "\(error)"])
            try await Task.sleep(for: .milliseconds(100))
            return false
        }
    }

    private func fold(_ record: KafkaRecord, _ batch: inout CoordinatorBatch, _ table: inout CallTable) async throws {
        let event: CallEvent
        do {
            event = try CallEvent(key: record.key, value: record.value)
        } catch {
            return try await self.deadLetters.write(record, reason: error.code.rawValue)
        }
        guard let (state, outputs) = table.apply(event, partition: record.partition, offset: record.offset) else {
            return
        }
        batch.snapshot(state)
        try batch.add(outputs, of: state, effects: self.effects)
        self.log(event, state)
    }

    /// Back to before these records, and before what was due with them. Whether their transaction came through is for the
    /// snapshots to say.
    private func rewind(_ records: [KafkaRecord], _ table: inout CallTable) async throws {
        let first = Dictionary(records.map { ($0.partition, $0.offset) }, uniquingKeysWith: min)
        _ = try await self.restore(table.held, &table)
        for (partition, offset) in first { try await self.consumer.seek(self.events(partition), to: offset) }
    }

    private func newBatch() -> CoordinatorBatch {
        CoordinatorBatch(
            topics: self.context.topics,
            source: "\(self.context.stage)/\(self.context.instanceID)",
            clockUs: UnixTime.nowUs
        )
    }

    private func events(_ partition: Int32) -> KafkaTopicPartition {
        KafkaTopicPartition(topic: self.context.topics[.events], partition: partition)
    }

    private func log(_ event: CallEvent, _ state: CallState) {
        switch event.body {
        case .requested:
            self.context.logger.info("Call requested", metadata: [LogKey.callSid: "\(event.callSid)"])
        case .statusChanged where state.phase == .ended && state.endedAtUs == event.occurredAtUs:
            self.context.logger.info(
                "Call ended",
                metadata: [LogKey.callSid: "\(event.callSid)", "twilio.status": "\(state.status)"]
            )
        default: break
        }
    }
}
