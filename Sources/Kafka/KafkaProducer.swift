package import Logging
import ServiceLifecycle

/// Produces records without a transaction. Run it as a service; its shutdown flushes what is queued.
package final class KafkaProducer: Service, Sendable {
    package enum Kind: Sendable {
        /// Low latency: acks=1, linger 0, a small bounded queue; when it is full the record is refused.
        case audio
        /// Nothing lost: idempotent, acks=all; when the queue is full `deliver` waits.
        case events
    }

    package enum Enqueued: Sendable, Equatable {
        case accepted
        /// The queue is full: nothing was taken. The caller drops and counts (audio), or uses `deliver`.
        case queueFull
    }

    /// Where a record lies.
    package struct Delivery: Sendable, Equatable {
        package var partition: Int32
        package var offset: Int64
    }

    /// - Throws: `KafkaError` with code `configuration`.
    package init(_ kind: Kind, configuration: KafkaConfiguration, logger: Logger) throws {
        fatalError("stub")
    }

    /// Queues a record and does not wait; a delivery failure is logged and counted.
    package func send(_ message: KafkaMessage) throws(KafkaError) -> Enqueued {
        fatalError("stub")
    }

    /// Queues records in order, waiting while the queue is full, and returns when all are acknowledged by the broker.
    /// - Returns: where each lies, in the order given.
    /// - Throws: `KafkaError` with code `deliveryFailed` when any could not be delivered.
    @discardableResult
    package func deliver(_ messages: [KafkaMessage]) async throws -> [Delivery] {
        fatalError("stub")
    }

    /// Like `send`, and `done` is called once, on librdkafka's thread, when the record was acknowledged or failed:
    /// it must not block. For consumers that store an offset only when their output was delivered.
    package func send(
        _ message: KafkaMessage,
        done: @escaping @Sendable (Result<Delivery, KafkaError>) -> Void
    ) throws(KafkaError) -> Enqueued {
        fatalError("stub")
    }

    package func run() async throws {
        fatalError("stub")
    }
}
