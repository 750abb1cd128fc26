import CallEvents
import Kafka
import Logging
import ServiceLifecycle
import StageRuntime
import Synchronization

/// Reads both directions, converts, and sends on without waiting for the broker's acknowledgement.
struct TranscoderService: Service {
    private static let assigned = "kafka-assignment"
    /// How long a partition that goes elsewhere waits for its last outputs. The calls that stay wait with it, so it is
    /// not long: the next owner repeats what was not stored.
    private static let settling = Duration.milliseconds(50)
    /// How often calls end and offsets are stored when no records come.
    private static let settleInterval = Duration.seconds(1)
    /// Unreadable records that wait to be put aside; of a flood of them, the rest is only counted.
    private static let lettersInHand = 100

    private let consumer: KafkaConsumer
    private let producer: KafkaProducer
    private let deadLetters: DeadLetters
    private let topics: TopicNames
    private let hold: Duration
    private let silenceGate: SilenceGateSettings?
    private let health: Health
    private let logger: Logger
    private let metrics = TranscoderMetrics()

    init(
        consumer: KafkaConsumer,
        producer: KafkaProducer,
        deadLetters: DeadLetters,
        topics: TopicNames,
        hold: Duration,
        silenceGate: SilenceGateSettings?,
        health: Health,
        logger: Logger
    ) {
        self.consumer = consumer
        self.producer = producer
        self.deadLetters = deadLetters
        self.topics = topics
        self.hold = hold
        self.silenceGate = silenceGate
        self.health = health
        self.logger = logger
        health.require(Self.assigned)
    }

    func run() async throws {
        let deliveries = Deliveries()
        let table = SharedTable(
            PartitionTable(
                consumer: self.consumer,
                producer: self.producer,
                deliveries: deliveries,
                topics: self.topics,
                hold: self.hold,
                silenceGate: self.silenceGate,
                metrics: self.metrics,
                logger: self.logger
            )
        )
        let (letters, putAside) = AsyncStream.makeStream(
            of: PartitionTable.DeadLetter.self,
            bufferingPolicy: .bufferingOldest(Self.lettersInHand)
        )
        try await withThrowingTaskGroup { group in
            group.addTask {
                while true {
                    try await Task.sleep(for: Self.settleInterval)
                    table.withLock { $0.settle() }
                }
            }
            defer { group.cancelAll() }
            // Dead letters are written beside the audio, which does not wait for them.
            async let burying: Void = self.bury(letters, deliveries)
            for try await event in self.consumer {
                switch event {
                case .assigned:
                    self.health.set(Self.assigned, ready: true)
                case .records(let records):
                    for letter in table.withLock({ $0.process(records) }) {
                        guard case .dropped(let letter) = putAside.yield(letter) else { continue }
                        // It is counted, and its bytes stay in the source topic until that forgets them.
                        deliveries.finished(letter.source, letter.record.offset)
                    }
                case .revoked(let numbers):
                    await deliveries.settled(within: Self.settling)
                    table.withLock { $0.release(numbers) }
                case .lost(let numbers):
                    table.withLock { $0.drop(numbers) }
                }
            }
            putAside.finish()
            await burying
        }
    }

    private func bury(_ letters: AsyncStream<PartitionTable.DeadLetter>, _ deliveries: Deliveries) async {
        for await letter in letters { await self.bury(letter, deliveries) }
    }

    private func bury(_ letter: PartitionTable.DeadLetter, _ deliveries: Deliveries) async {
        do {
            try await self.deadLetters.write(letter.record, reason: letter.reason, isLogged: true)
        } catch {
            // The audio behind it goes on; its bytes stay in the source topic until that forgets them.
            self.logger.error(
                "A record that cannot be read was not written to the dead letters.",
                metadata: [
                    LogKey.topic: "\(letter.record.topic)", LogKey.partition: "\(letter.record.partition)",
                    LogKey.offset: "\(letter.record.offset)", LogKey.error: "\(error)",
                ]
            )
        }
        deliveries.finished(letter.source, letter.record.offset)
    }
}

/// For the task that consumes, and the one that settles when nothing is consumed.
private final class SharedTable: Sendable {
    private let table: Mutex<PartitionTable>

    init(_ table: PartitionTable) { self.table = Mutex(table) }

    func withLock<Result: Sendable>(_ body: (inout PartitionTable) -> Result) -> Result {
        self.table.withLock { body(&$0) }
    }
}
