import CRdKafka
package import Logging
import ServiceLifecycle

/// Produces records without a transaction. Run it as a service; its shutdown flushes what is queued.
package final class KafkaProducer: Service, Sendable {
    package enum Kind: Sendable {
        /// Low latency: acks=1, a small bounded queue; when it is full the record is refused.
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

        package init(partition: Int32, offset: Int64) {
            self.partition = partition
            self.offset = offset
        }
    }

    /// How often delivery reports of audio are looked at: nobody waits for them, and each broker's answer would wake a
    /// thread.
    private static let audioReports = GatheringClock(every: .milliseconds(10))

    private let handle: RdKafkaHandle
    private let kind: Kind
    private let reportsDeliveries: Bool
    private let logger: Logger
    private let metrics: ClientMetrics
    private let room = RoomSignal()
    private let failures: AsyncStream<KafkaError>
    private let blocking: BlockingQueue
    private let gathering: RecordGathering?

    /// - Parameters:
    ///   - interval: gathers records and hands them to librdkafka together, every so often. At the rate of audio that
    ///     is a fraction of the processor time, and half the interval of delay. Nil: each at once.
    ///   - reportsDeliveries: false where nobody asks what became of a record, which spares a thread the work; failures
    ///     are counted and logged all the same.
    /// - Throws: `KafkaError` with code `configuration`.
    package init(
        _ kind: Kind,
        gatheringEvery interval: Duration? = nil,
        reportsDeliveries: Bool = true,
        configuration: KafkaConfiguration,
        logger: Logger
    ) throws {
        var logger = logger
        logger[metadataKey: "kafka.client"] = "\(kind)"
        let metrics = ClientMetrics.producer("\(kind)")
        let reports = DeliveryReports(logger: logger, metrics: metrics)
        let room = self.room
        let (failures, failed) = AsyncStream.makeStream(of: KafkaError.self, bufferingPolicy: .bufferingOldest(1))
        self.kind = kind
        self.reportsDeliveries = reportsDeliveries
        self.logger = logger
        self.metrics = metrics
        self.failures = failures
        self.blocking = BlockingQueue(label: "kafka-producer-\(kind)")
        let handle = try RdKafkaHandle(
            RD_KAFKA_PRODUCER,
            properties: KafkaProfile.properties(
                for: .producer(kind, reportsDeliveries: reportsDeliveries),
                configuration
            ),
            userProperties: configuration.properties,
            gathering: kind == .audio ? Self.audioReports : nil,
            events: ClientEvents(
                logger: logger,
                metrics: metrics,
                delivered: { reports.handle($0) },
                madeRoom: { room.open() },
                failed: { error in
                    failed.yield(error)
                    room.open()
                }
            )
        )
        self.handle = handle
        self.gathering = interval.map { interval in
            RecordGathering(every: interval) { [logger] record in
                Self.handOver(record, to: handle, metrics, logger)
            }
        }
        self.gathering?.start()
    }

    deinit { self.gathering?.stop() }

    /// Queues a record and does not wait; a delivery failure is logged and counted.
    package func send(_ message: KafkaMessage) throws(KafkaError) -> Enqueued {
        try self.send(message, pending: nil)
    }

    /// Like `send`, and `done` is called once, on librdkafka's thread, when the record was acknowledged or failed:
    /// it must not block. For consumers that store an offset only when their output was delivered.
    /// - Throws: `KafkaError` with code `configuration` when this producer does not report deliveries.
    package func send(
        _ message: KafkaMessage,
        done: @escaping @Sendable (Result<Delivery, KafkaError>) -> Void
    ) throws(KafkaError) -> Enqueued {
        guard self.reportsDeliveries else {
            throw KafkaError(.configuration, "this producer does not report deliveries")
        }
        return try self.send(message, pending: PendingDelivery(done))
    }

    /// Queues records in order, waiting while the queue is full, and returns when all are acknowledged by the broker.
    /// - Returns: where each lies, in the order given.
    /// - Throws: `KafkaError` with code `deliveryFailed` when any could not be delivered; `CancellationError` when the
    ///   task is cancelled, while records already queued stay queued.
    @discardableResult
    package func deliver(_ messages: [KafkaMessage]) async throws -> [Delivery] {
        let batch = DeliveryBatch(count: messages.count)
        for (index, message) in messages.enumerated() {
            var openings = self.room.openings
            while try self.send(message, done: { batch.received($0, at: index) }) == .queueFull {
                try await self.room.wait(after: openings)
                openings = self.room.openings
            }
        }
        return try await batch.all()
    }

    /// Waits for a shutdown, then for what is queued; audio that is not gone after a second is not worth more.
    /// - Throws: `KafkaError` when librdkafka reports that this producer cannot go on.
    package func run() async throws {
        for await error in self.failures.cancelOnGracefulShutdown() { throw error }
        let timeoutMs: Int32 = self.kind == .audio ? 1_000 : 30_000
        let handle = self.handle
        let gathering = self.gathering
        let remaining = await self.blocking.run {
            gathering?.flush()
            _ = rd_kafka_flush(handle.pointer, timeoutMs)
            return rd_kafka_outq_len(handle.pointer)
        }
        if remaining > 0 {
            self.logger.error("records given up at shutdown", metadata: ["count": "\(remaining)"])
        }
    }

    private func send(_ message: KafkaMessage, pending: PendingDelivery?) throws(KafkaError) -> Enqueued {
        let record = GatheredRecord(message: message, pending: pending)
        let enqueued: Enqueued
        if let gathering {
            enqueued = gathering.add(record) ? .accepted : .queueFull
        } else {
            enqueued = try Self.enqueue(record, on: self.handle)
        }
        if enqueued == .queueFull { self.metrics.countRefused() }
        return enqueued
    }

    private static func enqueue(_ record: GatheredRecord, on handle: RdKafkaHandle) throws(KafkaError) -> Enqueued {
        let retained = record.pending.map { Unmanaged.passRetained($0) }
        let code: rd_kafka_resp_err_t
        do {
            code = try handle.enqueue(record.message, opaque: retained?.toOpaque())
        } catch {
            retained?.release()
            throw error
        }
        if code == RD_KAFKA_RESP_ERR_NO_ERROR { return .accepted }
        retained?.release()
        if code == RD_KAFKA_RESP_ERR__QUEUE_FULL { return .queueFull }
        throw handle.fatalError ?? KafkaError(code, record.message.topic)
    }

    /// For a record whose `send` was answered already.
    private static func handOver(
        _ record: GatheredRecord,
        to handle: RdKafkaHandle,
        _ metrics: ClientMetrics,
        _ logger: Logger
    ) -> Enqueued {
        do {
            return try self.enqueue(record, on: handle)
        } catch {
            metrics.countDeliveryFailures(1)
            logger.warning("record not delivered", metadata: ["error": "\(error.message)"])
            record.pending?.done(.failure(error))
            return .accepted
        }
    }
}
