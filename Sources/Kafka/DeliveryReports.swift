import CRdKafka
import Logging
import Synchronization

/// What waits for one record's delivery report; travels through librdkafka as the record's opaque.
final class PendingDelivery: Sendable {
    let done: @Sendable (Result<KafkaProducer.Delivery, KafkaError>) -> Void

    init(_ done: @escaping @Sendable (Result<KafkaProducer.Delivery, KafkaError>) -> Void) {
        self.done = done
    }
}

/// Reads delivery reports on the events thread: tells who waits, counts failures.
struct DeliveryReports: Sendable {
    let logger: Logger
    let metrics: ClientMetrics

    func handle(_ event: OpaquePointer) {
        var failures = 0
        var failure: rd_kafka_message_t?
        while let message = rd_kafka_event_message_next(event) {
            let code = message.pointee.err
            if code != RD_KAFKA_RESP_ERR_NO_ERROR {
                failures += 1
                failure = message.pointee
            }
            guard let opaque = message.pointee._private else { continue }
            let pending = Unmanaged<PendingDelivery>.fromOpaque(opaque).takeRetainedValue()
            if code == RD_KAFKA_RESP_ERR_NO_ERROR {
                pending.done(.success(.init(partition: message.pointee.partition, offset: message.pointee.offset)))
            } else {
                pending.done(.failure(Self.error(of: message.pointee)))
            }
        }
        if let failure {
            self.metrics.countDeliveryFailures(failures)
            self.logger.warning(
                "records not delivered",
                metadata: ["count": "\(failures)", "error": "\(Self.error(of: failure).message)"]
            )
        }
    }

    private static func error(of message: rd_kafka_message_t) -> KafkaError {
        let topic = message.rkt.flatMap { rd_kafka_topic_name($0) }.map { String(cString: $0) } ?? "?"
        var error = KafkaError(message.err, "\(topic)[\(message.partition)]")
        error.code = error.code == .fenced ? .fenced : .deliveryFailed
        return error
    }
}

/// Lets tasks wait until a full queue has room again, which delivery reports bring.
final class RoomSignal: Sendable {
    private struct State {
        var openings: UInt64 = 0
        var waiters: [UInt64: CheckedContinuation<Void, any Error>] = [:]
        var nextWaiter: UInt64 = 0
    }

    private let state = Mutex(State())

    /// To be read before trying to enqueue, and given to `wait(after:)` when that failed.
    var openings: UInt64 { self.state.withLock { $0.openings } }

    func open() {
        let waiters = self.state.withLock { state in
            state.openings += 1
            defer { state.waiters.removeAll() }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume() }
    }

    /// Returns at the first opening after the one numbered `openings`.
    /// - Throws: `CancellationError`.
    func wait(after openings: UInt64) async throws {
        let id = self.state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let isOpen = self.state.withLock { state in
                    if state.openings != openings { return true }
                    state.waiters[id] = continuation
                    return false
                }
                if isOpen {
                    continuation.resume()
                } else if Task.isCancelled {
                    self.cancel(id)
                }
            }
        } onCancel: {
            self.cancel(id)
        }
    }

    private func cancel(_ id: UInt64) {
        let waiter = self.state.withLock { $0.waiters.removeValue(forKey: id) }
        waiter?.resume(throwing: CancellationError())
    }
}

/// Collects the delivery reports of the records of one `deliver`.
final class DeliveryBatch: Sendable {
    private struct State {
        var deliveries: [KafkaProducer.Delivery]
        var missing: Int
        var failure: KafkaError?
        var isCancelled = false
        var waiter: CheckedContinuation<[KafkaProducer.Delivery], any Error>?

        /// What to answer whoever waits, once it is known.
        var outcome: Result<[KafkaProducer.Delivery], any Error>? {
            if self.isCancelled { return .failure(CancellationError()) }
            guard self.missing == 0 else { return nil }
            if let failure { return .failure(failure) }
            return .success(self.deliveries)
        }
    }

    private let state: Mutex<State>

    init(count: Int) {
        self.state = Mutex(
            State(deliveries: Array(repeating: .init(partition: -1, offset: -1), count: count), missing: count)
        )
    }

    func received(_ result: Result<KafkaProducer.Delivery, KafkaError>, at index: Int) {
        self.update { state in
            state.missing -= 1
            switch result {
            case .success(let delivery): state.deliveries[index] = delivery
            case .failure(let error): state.failure = state.failure ?? error
            }
        }
    }

    /// Returns when every record's report is in.
    /// - Throws: the first failure, or `CancellationError` while the records stay queued.
    func all() async throws -> [KafkaProducer.Delivery] {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                self.update { $0.waiter = continuation }
            }
        } onCancel: {
            self.update { $0.isCancelled = true }
        }
    }

    private func update(_ change: (inout State) -> Void) {
        let ready = self.state.withLock { state in
            change(&state)
            guard let waiter = state.waiter, let outcome = state.outcome else {
                return nil
                    as (
                        CheckedContinuation<[KafkaProducer.Delivery], any Error>,
                        Result<[KafkaProducer.Delivery], any Error>
                    )?
            }
            state.waiter = nil
            return (waiter, outcome)
        }
        if let (waiter, outcome) = ready { waiter.resume(with: outcome) }
    }
}
