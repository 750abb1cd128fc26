import CRdKafka
package import Logging
import ServiceLifecycle
import Synchronization

/// Produces batches atomically together with the input offsets that they were made from.
package final class KafkaTransactionalProducer: Service, Sendable {
    private let handle: RdKafkaHandle
    private let logger: Logger
    private let failures: AsyncStream<KafkaError>
    private let blocking: BlockingQueue
    private let isInitialised = Atomic(false)

    /// - Parameter transactionalID: one per instance; a second producer with it fences the first.
    /// - Throws: `KafkaError` with code `configuration`.
    package init(transactionalID: String, configuration: KafkaConfiguration, logger: Logger) throws {
        var logger = logger
        logger[metadataKey: "kafka.client"] = "transaction"
        let metrics = ClientMetrics.producer("transaction")
        let reports = DeliveryReports(logger: logger, metrics: metrics)
        let (failures, failed) = AsyncStream.makeStream(of: KafkaError.self, bufferingPolicy: .bufferingOldest(1))
        self.logger = logger
        self.failures = failures
        self.blocking = BlockingQueue(label: "kafka-transaction")
        self.handle = try RdKafkaHandle(
            RD_KAFKA_PRODUCER,
            properties: KafkaProfile.properties(for: .transactionalProducer(id: transactionalID), configuration),
            userProperties: configuration.properties,
            events: ClientEvents(
                logger: logger,
                metrics: metrics,
                delivered: { reports.handle($0) },
                failed: { failed.yield(Self.unusable($0)) }
            )
        )
    }

    /// One transaction: all of `messages`, and that `consumer`'s group has consumed up to `offsets`.
    ///
    /// The first call initialises transactions (and so fences a predecessor). Returns when committed; `read_committed`
    /// consumers then see all of it, or, after a throw, none of it. Calls made at the same time run one after the other.
    /// - Parameter offsets: by topic name and partition, the offset to consume next. May be empty.
    /// - Throws: `KafkaError`: `transactionAborted` (retry from the last committed input), `fenced` (stop the stage);
    ///   `CancellationError` when the task is cancelled before the transaction began.
    package func transaction(
        _ messages: [KafkaMessage],
        offsets: [KafkaTopicPartition: Int64],
        of consumer: KafkaConsumer
    ) async throws {
        let cancelled = Cancellation()
        try await withTaskCancellationHandler {
            try await self.blocking.run {
                try self.initialise(unless: cancelled)
                try self.begin()
                do {
                    try self.enqueue(messages)
                    if !offsets.isEmpty { try self.send(offsets, of: consumer, unless: cancelled) }
                    try self.retrying(unless: cancelled) { rd_kafka_commit_transaction(self.handle.pointer, -1) }
                } catch let failure as Failure {
                    throw self.abort(after: failure, unless: cancelled)
                }
            }
        } onCancel: {
            cancelled.isSet.store(true, ordering: .releasing)
        }
    }

    /// Waits for a shutdown.
    /// - Throws: `KafkaError` with code `fenced` when this producer cannot go on.
    package func run() async throws {
        for await error in self.failures.cancelOnGracefulShutdown() { throw error }
    }
}

/// The steps of a transaction; all of them block.
extension KafkaTransactionalProducer {
    private final class Cancellation: Sendable {
        let isSet = Atomic(false)
    }

    /// What a step of a transaction failed with.
    private struct Failure: Error, CustomStringConvertible {
        var error: KafkaError
        var isFatal: Bool

        var description: String { self.error.description }
    }

    private func initialise(unless cancelled: Cancellation) throws {
        while !self.isInitialised.load(ordering: .acquiring) {
            if cancelled.isSet.load(ordering: .acquiring) { throw CancellationError() }
            guard let error = rd_kafka_init_transactions(self.handle.pointer, 2_000) else {
                return self.isInitialised.store(true, ordering: .releasing)
            }
            defer { rd_kafka_error_destroy(error) }
            let failure = self.failure(error)
            guard rd_kafka_error_is_retriable(error) != 0, !failure.isFatal else {
                throw failure.isFatal ? Self.unusable(failure.error) : failure.error
            }
            self.logger.warning("transactions not initialised yet", metadata: ["error": "\(failure.error.message)"])
        }
    }

    private func begin() throws {
        guard let error = rd_kafka_begin_transaction(self.handle.pointer) else { return }
        defer { rd_kafka_error_destroy(error) }
        let failure = self.failure(error)
        throw failure.isFatal ? Self.unusable(failure.error) : failure.error
    }

    private func enqueue(_ messages: [KafkaMessage]) throws {
        for message in messages {
            while true {
                let code: rd_kafka_resp_err_t
                do {
                    code = try self.handle.enqueue(message, opaque: nil)
                } catch {
                    throw Failure(error: error, isFatal: false)
                }
                if code == RD_KAFKA_RESP_ERR_NO_ERROR { break }
                guard code == RD_KAFKA_RESP_ERR__QUEUE_FULL else {
                    let fatal = self.handle.fatalError
                    throw Failure(error: fatal ?? KafkaError(code, message.topic), isFatal: fatal != nil)
                }
                // Returns as soon as all that is queued was acknowledged or failed.
                rd_kafka_flush(self.handle.pointer, 1_000)
            }
        }
    }

    private func send(
        _ offsets: [KafkaTopicPartition: Int64],
        of consumer: KafkaConsumer,
        unless cancelled: Cancellation
    ) throws {
        let list = TopicPartitionList(offsets.map { ($0.key, $0.value) })
        guard let group = consumer.groupMetadata() else {
            throw Failure(error: KafkaError(.closed, "the consumer has ended"), isFatal: false)
        }
        defer { rd_kafka_consumer_group_metadata_destroy(group) }
        try self.retrying(unless: cancelled) {
            rd_kafka_send_offsets_to_transaction(self.handle.pointer, list.pointer, group, -1)
        }
    }

    /// Calls again what librdkafka says may be called again.
    private func retrying(unless cancelled: Cancellation, _ step: () -> OpaquePointer?) throws {
        while let error = step() {
            defer { rd_kafka_error_destroy(error) }
            let failure = self.failure(error)
            guard rd_kafka_error_is_retriable(error) != 0, rd_kafka_error_txn_requires_abort(error) == 0,
                !failure.isFatal, !cancelled.isSet.load(ordering: .acquiring)
            else { throw failure }
        }
    }

    /// When it is cancelled while the broker is away, the broker aborts by itself at the transaction's time-out.
    private func abort(after failure: Failure, unless cancelled: Cancellation) -> KafkaError {
        if failure.isFatal { return Self.unusable(failure.error) }
        do {
            try self.retrying(unless: cancelled) { rd_kafka_abort_transaction(self.handle.pointer, -1) }
        } catch let second as Failure where second.isFatal {
            return Self.unusable(second.error)
        } catch {
            self.logger.warning("transaction not aborted", metadata: ["error": "\(error)"])
        }
        return KafkaError(
            .transactionAborted,
            failure.error.message,
            librdkafkaCode: failure.error.librdkafkaCode
        )
    }

    private func failure(_ error: OpaquePointer) -> Failure {
        let text = rd_kafka_error_string(error).map { String(cString: $0) } ?? ""
        return Failure(
            error: KafkaError(rd_kafka_error_code(error), text),
            isFatal: rd_kafka_error_is_fatal(error) != 0
        )
    }

    /// Whatever is fatal to a transactional producer, another must take its place.
    private static func unusable(_ error: KafkaError) -> KafkaError {
        KafkaError(.fenced, error.message, librdkafkaCode: error.librdkafkaCode)
    }
}
