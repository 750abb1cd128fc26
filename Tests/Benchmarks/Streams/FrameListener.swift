import CallEvents
import Foundation
import Kafka
import Logging
import NIOCore
import Synchronization
import TestSupport

/// Reads topics of audio from their ends, as the next stage does.
final class FrameListener: Sendable {
    private let topics: [String]
    private let partitions: Int32
    private let kafka: KafkaConfiguration
    private let producer: KafkaProducer
    private let logger: Logger
    private let probed = Mutex<Set<KafkaTopicPartition>>([])

    /// - Parameters:
    ///   - partitions: of each topic.
    ///   - producer: for the probes that tell whether a partition is read.
    init(_ topics: [String], partitions: Int32, producer: KafkaProducer, kafka: KafkaConfiguration, logger: Logger) {
        self.topics = topics
        self.partitions = partitions
        self.producer = producer
        self.kafka = kafka
        self.logger = logger
    }

    /// Hands over every frame until cancelled; nil for what is none.
    func listen(_ receive: (AudioFrame?, KafkaRecord) -> Void) async throws {
        let consumer = try KafkaConsumer(
            .init(
                group: "voice-bench-\(UUID().uuidString)",
                topics: self.topics,
                positions: Dictionary(uniqueKeysWithValues: self.topics.map { ($0, .edge(.end)) }),
                readCommitted: false
            ),
            configuration: self.kafka,
            logger: self.logger
        )
        for try await event in consumer {
            guard case .records(let records) = event else { continue }
            for record in records {
                guard let value = record.value else {
                    let place = KafkaTopicPartition(topic: record.topic, partition: record.partition)
                    self.probed.withLock { _ = $0.insert(place) }
                    continue
                }
                receive(try? AudioFrame(record: value), record)
            }
            if let last = records.last {
                consumer.store(last.offset + 1, for: .init(topic: last.topic, partition: last.partition))
            }
        }
    }

    /// Runs `body` while `listen` does, and once every partition is read.
    func whileListening<Result>(
        _ receive: @escaping @Sendable (AudioFrame?, KafkaRecord) -> Void,
        _ body: () async throws -> Result
    ) async throws -> Result {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await self.listen(receive) }
            defer { group.cancelAll() }
            try await eventually("every partition is read", timeout: .seconds(60), every: .milliseconds(100)) {
                try self.isListening()
            }
            return try await body()
        }
    }

    /// Whether a record of each partition has arrived; sends one where none has.
    private func isListening() throws -> Bool {
        let probed = self.probed.withLock { $0 }
        var isComplete = true
        for topic in self.topics {
            for partition in 0..<self.partitions where !probed.contains(.init(topic: topic, partition: partition)) {
                isComplete = false
                let key = ByteBuffer(string: "probe")
                _ = try self.producer.send(KafkaMessage(topic: topic, partition: partition, key: key, value: nil))
            }
        }
        return isComplete
    }
}
