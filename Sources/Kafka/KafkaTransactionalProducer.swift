package import Logging
import ServiceLifecycle

/// Produces batches atomically together with the input offsets that they were made from.
package final class KafkaTransactionalProducer: Service, Sendable {
    /// - Parameter transactionalID: one per instance; a second producer with it fences the first.
    /// - Throws: `KafkaError` with code `configuration`.
    package init(transactionalID: String, configuration: KafkaConfiguration, logger: Logger) throws {
        fatalError("stub")
    }

    /// One transaction: all of `messages`, and that `consumer`'s group has consumed up to `offsets`.
    ///
    /// The first call initialises transactions (and so fences a predecessor). Returns when committed; `read_committed`
    /// consumers then see all of it, or, after a throw, none of it.
    /// - Parameter offsets: by topic name and partition, the offset to consume next. May be empty.
    /// - Throws: `KafkaError`: `transactionAborted` (retry from the last committed input), `fenced` (stop the stage).
    package func transaction(
        _ messages: [KafkaMessage],
        offsets: [KafkaTopicPartition: Int64],
        of consumer: KafkaConsumer
    ) async throws {
        fatalError("stub")
    }

    package func run() async throws {
        fatalError("stub")
    }
}
