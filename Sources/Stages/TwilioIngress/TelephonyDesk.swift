import Kafka
import Synchronization

/// The schedule of telephony commands, shared by the task that reads them and those that carry them out.
final class TelephonyDesk: Sendable {
    /// One command that somebody carries out.
    struct Assignment: Sendable {
        fileprivate var job: CommandSchedule<TelephonyWork>.Job
        /// Ends when the work must stop.
        fileprivate var stop: AsyncStream<Void>

        /// - Returns: false when it had to stop.
        func carryOut(_ body: @escaping @Sendable (TelephonyWork) async throws -> Void) async -> Bool {
            await withTaskGroup(of: Bool.self) { group in
                group.addTask { (try? await body(self.job.work)) != nil }
                group.addTask {
                    for await _ in self.stop {}
                    return false
                }
                defer { group.cancelAll() }
                return await group.next() ?? false
            }
        }
    }

    private struct State {
        var schedule: CommandSchedule<TelephonyWork>
        var stops: [UInt64: AsyncStream<Void>.Continuation] = [:]
        /// Told of everything that ends.
        var waiter: AsyncStream<Void>.Continuation?
    }

    private let state: Mutex<State>
    private let store: @Sendable (Int64, KafkaTopicPartition) -> Void

    /// - Parameters:
    ///   - limit: how many commands may be carried out at once.
    ///   - store: stores an offset; must not block. What it is told for one partition only grows, until that was dropped.
    init(limit: Int, store: @escaping @Sendable (Int64, KafkaTopicPartition) -> Void) {
        self.state = Mutex(State(schedule: CommandSchedule(limit: limit)))
        self.store = store
    }

    func received(_ work: TelephonyWork) {
        self.state.withLock { state in
            state.schedule.received(
                work,
                of: work.call,
                partition: work.record.partition,
                offset: work.record.offset
            )
        }
    }

    /// What to start now, if there is anything and room for it.
    func next() -> Assignment? {
        self.state.withLock { state in
            guard let job = state.schedule.next() else { return nil }
            let (stop, continuation) = AsyncStream<Void>.makeStream()
            state.stops[job.id] = continuation
            return Assignment(job: job, stop: stop)
        }
    }

    func finished(_ assignment: Assignment) {
        let job = assignment.job
        self.state.withLock { state in
            state.stops.removeValue(forKey: job.id)?.finish()
            if let offset = state.schedule.finished(job) {
                // Under the lock, so that a lower one cannot come behind a higher one.
                self.store(offset, KafkaTopicPartition(topic: job.work.record.topic, partition: job.partition))
            }
            state.waiter?.yield()
        }
    }

    /// Returns when fewer than `count` wait to be started, or after `limit`.
    func waitForRoom(below count: Int, within limit: Duration) async {
        await self.wait(within: limit) { $0.waiting < count }
    }

    /// The partitions go elsewhere: forgets what waits, lets what is under way come to its end, and stops what has not
    /// after `limit`.
    func settle(_ partitions: [Int32], within limit: Duration) async {
        self.state.withLock { $0.schedule.revoke(partitions) }
        await self.wait(within: limit) { !$0.isRunning(partitions) }
        self.drop(partitions)
    }

    /// The partitions are not ours: forgets what waits, stops what is under way.
    func drop(_ partitions: [Int32]) {
        self.state.withLock { state in
            for job in state.schedule.drop(partitions) { state.stops.removeValue(forKey: job.id)?.finish() }
        }
    }

    /// For one task at a time.
    private func wait(
        within limit: Duration,
        until isReached: @escaping @Sendable (CommandSchedule<TelephonyWork>) -> Bool
    ) async {
        let (changes, waiter) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let isReachedNow = self.state.withLock { state in
            state.waiter = waiter
            return isReached(state.schedule)
        }
        defer { self.state.withLock { $0.waiter = nil } }
        if isReachedNow { return }
        await withTaskGroup { group in
            group.addTask {
                for await _ in changes where self.state.withLock({ isReached($0.schedule) }) { return }
            }
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            group.cancelAll()
        }
    }
}
