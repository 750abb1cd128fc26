import CallEvents
import Kafka
import Logging
import ServiceLifecycle
import StageRuntime

/// Reads both directions, converts, and sends on without waiting for the broker's acknowledgement.
struct TranscoderService: Service {
    private static let assigned = "kafka-assignment"
    /// How long a partition that goes elsewhere waits for its last outputs. The calls that stay wait with it, so it is
    /// not long: the next owner repeats what was not stored.
    private static let settling = Duration.milliseconds(50)

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
        var partitions = PartitionTable(
            consumer: self.consumer,
            producer: self.producer,
            deliveries: deliveries,
            topics: self.topics,
            hold: self.hold,
            silenceGate: self.silenceGate,
            metrics: self.metrics,
            logger: self.logger
        )
        // Dead letters are written beside the audio, which does not wait for them.
        try await withThrowingDiscardingTaskGroup { group in
            for try await event in self.consumer {
                switch event {
                case .assigned:
                    self.health.set(Self.assigned, ready: true)
                case .records(let records):
                    for letter in partitions.process(records) {
                        group.addTask { await self.bury(letter, deliveries) }
                    }
                case .revoked(let numbers):
                    await deliveries.settled(within: Self.settling)
                    partitions.release(numbers)
                case .lost(let numbers):
                    partitions.drop(numbers)
                }
            }
        }
    }

    private func bury(_ letter: PartitionTable.DeadLetter, _ deliveries: Deliveries) async {
        do {
            try await self.deadLetters.write(letter.record, reason: letter.reason)
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
