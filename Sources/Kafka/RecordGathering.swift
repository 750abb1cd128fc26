import Dispatch
import Synchronization

/// A record, and who waits for its delivery report.
struct GatheredRecord: Sendable {
    var message: KafkaMessage
    var pending: PendingDelivery?
}

/// Collects records for some milliseconds and hands all of them to librdkafka at once.
///
/// librdkafka sends a request for each partition, and at the rate of audio one for nearly each record. `linger.ms` does
/// not help much, because each partition lingers by itself: its thread goes on being woken for every one of them. What
/// is handed over together is sent together, and one waking of a thread serves all calls.
final class RecordGathering: Sendable {
    /// What waits here, beside librdkafka's own queue, before `add` refuses.
    static let capacity = 10_000

    private struct State {
        var records: [GatheredRecord] = []
        var isStopping = false
    }

    private let clock: GatheringClock
    private let handOver: @Sendable (GatheredRecord) -> KafkaProducer.Enqueued
    private let state = Mutex(State())
    /// Held while records go over, so that they go in order.
    private let turn = Mutex(())
    private let wake = DispatchSemaphore(value: 0)

    /// - Parameters:
    ///   - interval: records go over when the monotonic clock is at a multiple of it.
    ///   - handOver: called with each record in order, on one thread at a time; `queueFull` is asked again later.
    init(every interval: Duration, handOver: @escaping @Sendable (GatheredRecord) -> KafkaProducer.Enqueued) {
        self.clock = GatheringClock(every: interval)
        self.handOver = handOver
    }

    /// To be called once. The thread ends after `stop`.
    func start() {
        _ = PollingThread(name: "kafka-gather") { self.run() }
    }

    /// - Returns: false, and nothing is taken, when too much waits.
    func add(_ record: GatheredRecord) -> Bool {
        let (isAdded, isFirst) = self.state.withLock { state in
            guard state.records.count < Self.capacity else { return (false, false) }
            state.records.append(record)
            return (true, state.records.count == 1)
        }
        if isFirst { self.wake.signal() }
        return isAdded
    }

    /// Hands over what is here without waiting for its time.
    /// - Returns: false when there was no room for all.
    @discardableResult
    func flush() -> Bool {
        self.turn.withLock { _ in
            var batch = self.state.withLock { state in
                defer { state.records = [] }
                return state.records
            }
            guard let refused = batch.firstIndex(where: { self.handOver($0) == .queueFull }) else { return true }
            batch.removeFirst(refused)
            self.state.withLock { $0.records.insert(contentsOf: batch, at: 0) }
            return false
        }
    }

    /// What is still here goes over at once, or is reported as closed.
    func stop() {
        self.state.withLock { $0.isStopping = true }
        self.wake.signal()
    }

    private func run() {
        self.wake.wait()
        while !self.isStopping {
            // A signal ends the wait for the clock: that of `stop`, or a record's after a `flush` from elsewhere.
            _ = self.wake.wait(timeout: self.clock.next)
            if self.flush() { self.wake.wait() }
        }
        guard !self.flush() else { return }
        let rest = self.state.withLock { $0.records }
        for record in rest { record.pending?.done(.failure(KafkaError(.closed, record.message.topic))) }
    }

    private var isStopping: Bool { self.state.withLock { $0.isStopping } }
}
