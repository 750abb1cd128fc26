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
    private let events: String
    private let quotes: String
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
        self.events = context.topics[.events]
        self.quotes = context.topics[.resultsQuotes]
        self.consumer = try KafkaConsumer(
            KafkaConsumer.Subscription(group: context.group, topics: [self.events], companions: [self.quotes]),
            configuration: context.kafka,
            logger: context.logger
        )
        context.health.require(Check.assignment)
        context.health.require(Check.store)
    }

    func run() async throws {
        for try await event in self.consumer {
            switch event {
            case .assigned(let partitions):
                guard let positions = try await self.persisting({ try await self.store.positions() }) else { return }
                self.begin(partitions, at: positions)
                self.context.health.set(Check.assignment, ready: true)
            case .records(let records): try await self.write(records)
            case .revoked, .lost: break
            }
        }
    }

    private func begin(_ partitions: [Int32], at positions: [ResultsPosition: Int64]) {
        for partition in partitions {
            for topic in [self.events, self.quotes] {
                let next = positions[ResultsPosition(topic: topic, partition: partition)]
                self.consumer.start(
                    KafkaTopicPartition(topic: topic, partition: partition),
                    at: next.map { .offset($0) } ?? .edge(.beginning)
                )
            }
        }
    }

    private func write(_ records: [KafkaRecord]) async throws {
        let input = ResultsInput(records, events: self.events, quotes: self.quotes)
        for (record, reason) in input.unreadable { try await self.deadLetters.write(record, reason: reason) }
        let began = ContinuousClock.now
        let written: Void? = try await self.persisting {
            // Folded on what is stored in each attempt: one that failed may have been written all the same.
            let states = try await self.store.states(of: input.callSids)
            try await self.store.write(input.batch(over: states))
        }
        guard written != nil else { return }
        self.writes.record(duration: began.duration(to: .now))
        // Only to show how far this group is.
        for (position, next) in input.positions {
            self.consumer.store(next, for: KafkaTopicPartition(topic: position.topic, partition: position.partition))
        }
    }

    /// Repeats `work` until the store takes it, at most 5 s apart. The consumer stays in its group meanwhile.
    /// - Returns: nil when the stage shuts down before that.
    private func persisting<Result>(_ work: () async throws -> Result) async throws -> Result? {
        var pause = Duration.milliseconds(50)
        while true {
            do {
                let result = try await work()
                self.context.health.set(Check.store, ready: true)
                return result
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
