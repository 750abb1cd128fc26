import CallEvents
import Kafka
import Logging
import Metrics
import ResultsStore
import ServiceLifecycle
import StageRuntime

/// Consumes events and results into the store. Where to go on is what the store says, not the group: offsets are
/// written with the rows. While the database is away, nothing is consumed and nothing is lost.
struct ResultsConsumer: Service {
    private let consumer: KafkaConsumer
    private let store: any ResultsStore
    private let deadLetters: DeadLetters
    private let context: StageContext
    private let topics: [String]
    private let writes = Timer(label: "voice_store_write_seconds")
    private let failures = Counter(
        label: "voice_errors_total",
        dimensions: [("stage", ResultsSinkStage.name), ("code", "store")]
    )

    private enum Check {
        static let assignment = "kafka-assignment"
        static let store = "store"
    }

    init(store: any ResultsStore, deadLetters: DeadLetters, context: StageContext) throws {
        self.store = store
        self.deadLetters = deadLetters
        self.context = context
        let companions = ResultsInput.results.map { context.topics[$0] }
        self.topics = [context.topics[.events]] + companions
        self.consumer = try KafkaConsumer(
            KafkaConsumer.Subscription(
                group: context.group,
                topics: [context.topics[.events]],
                companions: companions
            ),
            configuration: context.kafka,
            logger: context.logger
        )
        context.health.require(Check.assignment)
        context.health.require(Check.store)
    }

    func run() async throws {
        var calls = FoldedCalls()
        for try await event in self.consumer {
            switch event {
            case .assigned(let partitions):
                // Whoever had them meanwhile has folded on.
                calls.forget()
                guard let positions = try await self.persisting({ try await self.store.positions() }) else { return }
                self.begin(partitions, at: positions)
                self.context.health.set(Check.assignment, ready: true)
            case .records(let records):
                let input = ResultsInput(records, topics: self.context.topics)
                for (record, reason) in input.unreadable { try await self.deadLetters.write(record, reason: reason) }
                guard try await self.write(input, &calls) else { return }
            case .revoked, .lost: calls.forget()
            }
        }
    }

    private func begin(_ partitions: [Int32], at positions: [ResultsPosition: Int64]) {
        for partition in partitions {
            for topic in self.topics {
                let next = positions[ResultsPosition(topic: topic, partition: partition)]
                self.consumer.start(
                    KafkaTopicPartition(topic: topic, partition: partition),
                    at: next.map { .offset($0) } ?? .edge(.beginning)
                )
            }
        }
    }

    /// Writes the records and their offsets. What the database refuses for what it holds, or what belongs to a call of
    /// which the stored state cannot be read, is found by writing ever smaller parts, and goes to dead-letters.
    /// - Returns: false when the stage shuts down before that.
    private func write(_ input: ResultsInput, _ calls: inout FoldedCalls) async throws -> Bool {
        let began = ContinuousClock.now
        do {
            let written: Void? = try await self.persisting {
                do {
                    try await calls.load(input.callSids, from: self.store)
                    try await self.store.write(input.batch(over: &calls.states))
                } catch {
                    // Perhaps it was written all the same.
                    calls.forget()
                    throw error
                }
            }
            guard written != nil else { return false }
        } catch let error as ResultsStoreError where error.isLasting {
            return try await self.writeWithoutRefused(input, error, &calls)
        }
        self.writes.record(duration: began.duration(to: .now))
        calls.trim(keeping: input.callSids)
        // Only to show how far this group is.
        for (position, next) in input.positions {
            self.consumer.store(next, for: KafkaTopicPartition(topic: position.topic, partition: position.partition))
        }
        return true
    }

    private func writeWithoutRefused(
        _ input: ResultsInput,
        _ error: ResultsStoreError,
        _ calls: inout FoldedCalls
    ) async throws -> Bool {
        guard input.entries.count > 1 else {
            let reason =
                error.code == .refused ? "the database refuses it" : "what is stored of its call cannot be read"
            for (record, _) in input.entries {
                try await self.deadLetters.write(record, reason: "\(reason): \(error.message)")
            }
            return try await self.write(input.skipped, &calls)
        }
        for half in input.halves {
            guard try await self.write(half, &calls) else { return false }
        }
        return true
    }

    /// Repeats `work` until the store takes it, at most 5 s apart. The consumer stays in its group meanwhile.
    /// - Returns: nil when the stage shuts down before that.
    /// - Throws: `ResultsStoreError` when it is lasting.
    private func persisting<Result>(_ work: () async throws -> Result) async throws -> Result? {
        var pause = Duration.milliseconds(50)
        while true {
            do {
                let result = try await work()
                self.context.health.set(Check.store, ready: true)
                return result
            } catch let error as ResultsStoreError where error.isLasting {
                throw error
            } catch let error where !(error is CancellationError) {
                self.failures.increment()
                self.context.health.set(Check.store, ready: false)
                self.context.logger.warning("Store failed, trying again", metadata: [LogKey.error: "\(error)"])
            }
            guard !Task.isShuttingDownGracefully else { return nil }
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(5))
        }
    }
}

/// The folds of the calls that were written last, so that the next batch need not read them again.
private struct FoldedCalls {
    var states: [String: CallState] = [:]

    /// More than are in progress at once.
    private static let limit = 2000

    mutating func forget() { self.states = [:] }

    /// Reads those that are not here.
    mutating func load(_ callSids: Set<String>, from store: any ResultsStore) async throws {
        let missing = callSids.subtracting(self.states.keys)
        if missing.isEmpty { return }
        self.states.merge(try await store.states(of: missing)) { $1 }
    }

    /// Forgets calls that are over, and when that is not enough all but `callSids`.
    mutating func trim(keeping callSids: Set<String>) {
        guard self.states.count > Self.limit else { return }
        self.states = self.states.filter { $0.value.phase != .ended }
        if self.states.count > Self.limit { self.states = self.states.filter { callSids.contains($0.key) } }
    }
}
