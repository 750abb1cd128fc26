import CallEvents
import HTTPTypes
import Kafka
import Logging
import NIOCore
import ResultsStore
import ServiceLifecycle
import StageRuntime
import SwiftProtobuf
import Synchronization

/// Follows the partitions of events and live that somebody watches, and tells watchers what changes.
///
/// Any instance does so for any call: nothing here depends on which partitions the instance consumes into the store. What
/// a watcher gets besides is read from the store, so that together they have all: see `CallStreams`.
final class CallWatch: Service {
    struct State: Sendable {
        var feeds: [Int32: PartitionFeed] = [:]
        var watchers = Watchers()
        /// How many ask for a partition.
        var leases: [Int32: Int] = [:]
        /// Since when nobody does.
        var idleSince: [Int32: ContinuousClock.Instant] = [:]
        /// Being given up: not to be used until that is done.
        var closing: Set<Int32> = []
        var levels = LevelBoard()
        var isStopping = false
    }

    let store: ReadStore
    let topics: TopicNames
    let metrics = WatchMetrics()
    let state = Mutex(State())
    private let tail: KafkaTail
    private let logger: Logger
    private let idleLimit: Duration

    /// How often watchers of all calls are told levels.
    private static let levelInterval = Duration.milliseconds(500)
    /// Every so many of these, everybody gets a sign of life: 15 s.
    private static let levelsPerPing = 30

    /// - Parameter idleLimit: how long a partition is followed that nobody watches.
    init(store: ReadStore, context: StageContext, idleLimit: Duration = .seconds(60)) throws {
        self.store = store
        self.topics = context.topics
        self.logger = context.logger
        self.idleLimit = idleLimit
        self.tail = try KafkaTail(configuration: context.kafka, logger: context.logger)
    }

    func run() async throws {
        try await withGracefulShutdownHandler {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    do {
                        try await cancelWhenGracefulShutdown { try await self.follow() }
                    } catch is CancellationError {}
                }
                group.addTask { await self.beat() }
                try await group.next()
                group.cancelAll()
            }
        } onGracefulShutdown: {
            // The streams end in order: whoever watches comes back, to another instance.
            self.state.withLock { state in
                state.isStopping = true
                state.watchers.closeAll()
            }
        }
    }

    private func follow() async throws {
        for try await records in self.tail {
            self.publishLive(records)
            try await self.publishEvents(records.filter { $0.topic == self.topics[.events] })
            await self.giveUpIdle()
        }
    }

    // MARK: Partitions

    /// Asks for partitions, and returns when they are followed from where the store is.
    /// - Throws: `Problem` with status 503 when the store cannot say where that is, or the stage shuts down.
    func lease(_ partitions: [Int32]) async throws -> Lease {
        let lease = Lease(partitions: partitions, watch: self)
        while true {
            let (missing, mustWait) = try self.state.withLock { state in
                if state.isStopping { throw Problem(.serviceUnavailable, "This instance shuts down.", retryAfter: 1) }
                return (
                    partitions.filter { state.feeds[$0] == nil }, partitions.contains { state.closing.contains($0) }
                )
            }
            if mustWait {
                try await Task.sleep(for: .milliseconds(10))
                continue
            }
            if missing.isEmpty { return lease }
            let positions = try await self.positions()
            self.state.withLock { state in
                for partition in missing where state.feeds[partition] == nil && !state.closing.contains(partition) {
                    let next = positions[partition] ?? 0
                    state.feeds[partition] = PartitionFeed(partition: partition, from: next)
                    self.tail.start(self.partition(.events, partition), at: .offset(next))
                    self.tail.start(self.partition(.live, partition), at: .edge(.end))
                }
            }
        }
    }

    /// The event that the store takes in next, by partition.
    /// - Throws: `Problem` with status 503 when the store cannot be read.
    func positions() async throws -> [Int32: Int64] {
        let positions = try await self.store.read { try await $0.positions() }
        let events = self.topics[.events]
        return Dictionary(
            positions.filter { $0.key.topic == events }.map { ($0.key.partition, $0.value) },
            uniquingKeysWith: max
        )
    }

    private func partition(_ topic: Topic, _ partition: Int32) -> KafkaTopicPartition {
        KafkaTopicPartition(topic: self.topics[topic], partition: partition)
    }

    /// Done between records, so that none of a partition that is followed again is taken for one from before.
    private func giveUpIdle() async {
        let now = ContinuousClock.now
        let idle = self.state.withLock { state in
            let idle = state.idleSince.filter { $0.value.duration(to: now) > self.idleLimit }.map(\.key)
            for partition in idle { state.idleSince[partition] = nil }
            state.closing.formUnion(idle)
            return idle
        }
        for partition in idle {
            await self.tail.stop(self.partition(.events, partition))
            await self.tail.stop(self.partition(.live, partition))
            self.state.withLock { state in
                state.feeds[partition] = nil
                state.closing.remove(partition)
            }
        }
    }

    /// Somebody's wish that partitions are followed, as long as this lives.
    final class Lease: Sendable {
        private let partitions: [Int32]
        private let watch: CallWatch

        init(partitions: [Int32], watch: CallWatch) {
            self.partitions = partitions
            self.watch = watch
            watch.state.withLock { state in
                for partition in partitions {
                    state.leases[partition, default: 0] += 1
                    state.idleSince[partition] = nil
                }
            }
        }

        deinit {
            self.watch.state.withLock { state in
                for partition in self.partitions {
                    let left = (state.leases[partition] ?? 1) - 1
                    state.leases[partition] = left > 0 ? left : nil
                    if left <= 0 { state.idleSince[partition] = .now }
                }
            }
        }
    }

    // MARK: Records

    private func publishLive(_ records: [KafkaRecord]) {
        let live = self.topics[.live]
        let updates = records.filter { $0.topic == live }.compactMap { record -> (LiveUpdate, Int64)? in
            guard let value = record.value,
                let update = try? LiveUpdate(serializedBytes: Array(value.readableBytesView))
            else { return nil }
            return (update, record.timestampMs)
        }
        if updates.isEmpty { return }
        self.state.withLock { state in
            for (update, recordedAtMs) in updates {
                if case .levels(let levels) = update.body { state.levels.note(levels, of: update.callSid) }
                state.watchers.publish(update.callSid) { StreamFrame(update, recordedAtMs: recordedAtMs) }
            }
        }
    }

    private func publishEvents(_ records: [KafkaRecord]) async throws {
        if records.isEmpty { return }
        let events = records.map { ($0, try? CallEvent(key: $0.key, value: $0.value)) }
        try await self.learn(events.compactMap { record, event in event.map { ($0.callSid, record) } })
        let nowUs = UnixTime.nowUs
        self.state.withLock { state in
            for (record, event) in events {
                guard let event else {
                    state.feeds[record.partition]?.skip(record.offset)
                    continue
                }
                let changes = state.feeds[record.partition]?
                    .apply(event, at: record.offset, recordedAtMs: record.timestampMs)
                if let changes { self.publish(changes, record.partition, &state, nowUs: nowUs) }
            }
            for partition in Set(records.map(\.partition)) { state.feeds[partition]?.trim() }
        }
    }

    private func publish(_ changes: RecordedChanges, _ partition: Int32, _ state: inout State, nowUs: Int64) {
        let position = state.position(partitions: self.topics.partitions)
        state.watchers.publish(changes, partition: partition, position: position, nowUs: nowUs)
    }

    /// Reads the states of calls of which the first event has come. Waits while the store is away.
    private func learn(_ events: [(callSid: String, record: KafkaRecord)]) async throws {
        var first: [String: KafkaRecord] = [:]
        let mustBeStored = self.state.withLock { state in
            var mustBeStored: [Int32: Int64] = [:]
            for (callSid, record) in events where first[callSid] == nil {
                guard let feed = state.feeds[record.partition], !feed.knows(callSid) else { continue }
                first[callSid] = record
                mustBeStored[record.partition] = feed.mustBeStored
            }
            return mustBeStored
        }
        var pause = Duration.milliseconds(20)
        while !first.isEmpty {
            do {
                let positions = try await self.positions()
                if mustBeStored.allSatisfy({ positions[$0.key] ?? 0 >= $0.value }) {
                    try await self.learn(first)
                    return
                }
            } catch is Problem {}
            try await Task.sleep(for: pause)
            pause = min(pause * 2, .seconds(1))
        }
    }

    private func learn(_ first: [String: KafkaRecord]) async throws {
        do {
            let (states, missed) = try await self.stored(first)
            self.learn(first, states, missed: missed)
        } catch let error as ResultsStoreError where error.code == .corrupt {
            if first.count == 1 {
                // Its events are not followed: made up from less than all of them, the call would look like another.
                self.logger.error("Call cannot be shown", metadata: [LogKey.error: "\(error)"])
            } else {
                for (callSid, record) in first { try await self.learn([callSid: record]) }
            }
        }
    }

    /// The states of calls, and what the store had of them already when their first event came here.
    private func stored(
        _ first: [String: KafkaRecord]
    ) async throws -> ([String: CallState], missed: [String: [RecordedChanges]]) {
        let states = try await self.store.read { try await $0.states(of: Set(first.keys)) }
        var missed: [String: [RecordedChanges]] = [:]
        for (callSid, record) in first {
            // The store is ahead: what it has already is not folded here.
            guard let state = states[callSid], state.appliedOffset >= record.offset else { continue }
            let history = try await self.store.read { try await $0.history(of: callSid) }
            missed[callSid] = history?.recorded(after: record.offset - 1, state: state)
                .map { $0.offset == record.offset ? $0.recorded(atMs: record.timestampMs) : $0 }
        }
        return (states, missed)
    }

    private func learn(
        _ first: [String: KafkaRecord],
        _ states: [String: CallState],
        missed: [String: [RecordedChanges]]
    ) {
        let nowUs = UnixTime.nowUs
        self.state.withLock { state in
            for (callSid, record) in first {
                let changes = missed[callSid] ?? []
                state.feeds[record.partition]?.learn(callSid, states[callSid], missed: changes)
                for changes in changes { self.publish(changes, record.partition, &state, nowUs: nowUs) }
            }
        }
    }

    // MARK: Levels and signs of life

    private func beat() async {
        var beats = 0
        while (try? await Task.sleep(for: Self.levelInterval)) != nil {
            beats += 1
            let count = self.state.withLock { state in
                if let frame = state.levels.take() { state.watchers.publishToWalls(frame) }
                if beats.isMultiple(of: Self.levelsPerPing) { state.watchers.publishToAll(.ping) }
                return state.watchers.count
            }
            self.metrics.set(watchers: count)
        }
    }
}

extension CallWatch.State {
    /// How far the partitions are followed.
    func position(partitions: Int32) -> WallPosition {
        WallPosition(offsets: (0..<partitions).map { self.feeds[$0].map { $0.next - 1 } ?? -1 })
    }
}
