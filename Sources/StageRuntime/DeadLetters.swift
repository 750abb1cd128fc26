package import CallEvents
package import Kafka
package import Logging
import Metrics
import NIOCore

/// Puts records that a stage cannot read aside, so that it can go on and a person can look at them.
package struct DeadLetters: Sendable {
    private let producer: KafkaProducer
    private let topic: String
    private let stage: String
    private let logger: Logger
    private let counter: Counter

    /// - Parameter producer: of the kind `events`, so that nothing is lost on the way here.
    package init(producer: KafkaProducer, topics: TopicNames, stage: String, logger: Logger) {
        self.producer = producer
        self.topic = topics[.deadLetters]
        self.stage = stage
        self.logger = logger
        self.counter = Counter(label: "voice_dead_letters_total", dimensions: [("stage", stage)])
    }

    /// Returns when the broker has the record; only then may its offset be stored.
    /// - Parameters:
    ///   - reason: for people, such as `not a CallEvent: field 3 is truncated`. Never part of the value.
    ///   - isLogged: the caller says in the log what is worth it, such as the first of many.
    package func write(_ record: KafkaRecord, reason: String, isLogged: Bool = false) async throws {
        try await self.producer.deliver([Self.message(record, reason: reason, topic: self.topic, stage: self.stage)])
        self.counter.increment()
        if isLogged { return }
        self.logger.warning(
            "Unreadable record put aside",
            metadata: [
                LogKey.topic: "\(record.topic)",
                LogKey.partition: "\(record.partition)",
                LogKey.offset: "\(record.offset)",
                "reason": "\(reason)",
            ]
        )
    }

    static func message(_ record: KafkaRecord, reason: String, topic: String, stage: String) -> KafkaMessage {
        func header(_ name: String, _ value: String) -> KafkaHeader { KafkaHeader(name, ByteBuffer(string: value)) }
        return KafkaMessage(
            topic: topic,
            key: record.key ?? ByteBuffer(),
            value: record.value,
            headers: [
                header("reason", reason),
                header("source.topic", record.topic),
                header("source.partition", String(record.partition)),
                header("source.offset", String(record.offset)),
                header("stage", stage),
            ]
        )
    }
}
