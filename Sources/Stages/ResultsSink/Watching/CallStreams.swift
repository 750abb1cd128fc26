import CallEvents
import HTTPTypes
import JSON
import ResultsStore
import StageRuntime
import Synchronization

/// What one watcher gets: the history, and from then on what comes into the queue.
struct OpenStream: Sendable {
    var history: [StreamFrame]
    var queue: WatchQueue
    /// Nil: all calls.
    var callSid: String?
    /// Keeps the partitions followed.
    var lease: CallWatch.Lease
}

// A watcher has all, because its partitions are followed from where the store was before its history is read, and what is
// behind the history is added in the moment in which it begins to be told what is new.
extension CallWatch {
    /// How long a call may take to come into the store.
    private static let arrival = Duration.seconds(1)
    /// How long a store that is behind may take to come near enough.
    private static let patience = Duration.seconds(10)
    private static let newest = 200
    /// Of a partition: who has missed more gets all anew.
    private static let mostChanged = 1_000
    /// An event id so far ahead of the log is of another log.
    private static let strange: Int64 = 1 << 20

    /// - Throws: `Problem` with status 404 when no such call is known, 503 when that cannot be told now.
    func open(_ callSid: CallSid, after id: String?) async throws -> OpenStream {
        let partition = KeyPartition.of(callSid.rawValue, count: self.topics.partitions)
        let lease = try await self.lease([partition])
        let begun = ContinuousClock.now
        while true {
            let stored = try await self.positions()[partition] ?? 0
            // The state first: the history is at least as new, and what it lacks comes from the feed.
            let state = try await self.store.read { try await $0.states(of: [callSid.rawValue]) }[callSid.rawValue]
            if let history = try await self.store.read({ try await $0.history(of: callSid.rawValue) }) {
                let known = id.flatMap(CallPosition.init(id:)) ?? .nothing
                let seen = known.offset > stored + Self.strange ? .nothing : known
                if let stream = self.attach(history, state, seen: seen, stored: stored, partition, lease) {
                    return stream
                }
                if begun.duration(to: .now) > Self.patience { throw Problem.behind }
            } else if begun.duration(to: .now) > Self.arrival {
                throw Problem.unknown(callSid)
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    /// - Returns: nil when the store is behind what is kept here: it has to be read again.
    private func attach(
        _ history: CallHistory,
        _ folded: CallState?,
        seen: CallPosition,
        stored: Int64,
        _ partition: Int32,
        _ lease: Lease
    ) -> OpenStream? {
        let nowUs = UnixTime.nowUs
        let callSid = history.call.callSid
        var frames = [StreamFrame.retry] + history.frames(after: seen, state: folded, nowUs: nowUs)
        let queue = WatchQueue()
        let shown = max(seen.offset, history.call.eventOffset)
        let kept = self.state.withLock { state -> [RecordedChanges]? in
            guard let feed = state.feeds[partition], stored >= feed.keptFrom else { return nil }
            state.watchers.add(queue, of: callSid, seen: shown)
            if state.isStopping { queue.close() }
            return feed.changes { $0.callSid == callSid && $0.offset > shown }
        }
        guard let kept else { return nil }
        for changes in kept { frames += changes.frames(nowUs: nowUs) }
        frames.append(.ready(id: CallPosition(offset: kept.reduce(shown) { max($0, $1.offset) }).id))
        return OpenStream(history: frames, queue: queue, callSid: callSid, lease: lease)
    }

    /// All calls: those in progress and the newest, or those that changed since.
    /// - Throws: `Problem` with status 503 when the store cannot be read.
    func openAll(after id: String?) async throws -> OpenStream {
        let partitions = Array(0..<self.topics.partitions)
        let lease = try await self.lease(partitions)
        let begun = ContinuousClock.now
        while true {
            let positions = try await self.positions()
            let stored = partitions.map { positions[$0] ?? 0 }
            let known = id.flatMap { WallPosition(id: $0, partitions: self.topics.partitions) }
            let (rows, seen) = try await self.rows(after: known, stored: stored)
            if let stream = self.attach(rows, seen: seen, stored: stored, lease) { return stream }
            if begun.duration(to: .now) > Self.patience { throw Problem.behind }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private func rows(after known: WallPosition?, stored: [Int64]) async throws -> ([CallRow], WallPosition) {
        let nothing = WallPosition(offsets: stored.map { _ in -1 })
        if let known, !zip(known.offsets, stored).contains(where: { $0 > $1 + Self.strange }) {
            let offsets = Dictionary(uniqueKeysWithValues: known.offsets.enumerated().map { (Int32($0), $1) })
            let rows = try await self.store.read {
                try await $0.calls(changedAfter: offsets, limit: Self.mostChanged)
            }
            let most = Dictionary(grouping: rows, by: \.partition).values.map(\.count).max() ?? 0
            if most < Self.mostChanged { return (rows, known) }
        }
        return (try await self.store.read { try await $0.calls(changedAfter: nil, limit: Self.newest) }, nothing)
    }

    /// - Returns: nil when the store is behind what is kept here: it has to be read again.
    private func attach(_ rows: [CallRow], seen: WallPosition, stored: [Int64], _ lease: Lease) -> OpenStream? {
        let nowUs = UnixTime.nowUs
        let queue = WatchQueue()
        let shown = Dictionary(rows.map { ($0.callSid, $0.eventOffset) }, uniquingKeysWith: max)
        var frames = [StreamFrame.retry]
        for row in rows {
            frames.append(StreamFrame("call", id: seen.id, data: .object(CallDocument.summary(of: row, nowUs: nowUs))))
        }
        let attached = self.state.withLock { state -> ([RecordedChanges], WallPosition)? in
            let feeds = (0..<self.topics.partitions).compactMap { state.feeds[$0] }
            guard feeds.count == stored.count, zip(feeds, stored).allSatisfy({ $0.keptFrom <= $1 }) else { return nil }
            state.watchers.add(queue, seen: shown, position: seen)
            if state.isStopping { queue.close() }
            let kept = zip(feeds, seen.offsets).flatMap { feed, seen in
                feed.changes { $0.offset > max(seen, shown[$0.callSid] ?? -1) }
            }
            let offsets = zip(feeds, zip(stored, seen.offsets)).map { max($0.next, $1.0, $1.1 + 1) - 1 }
            return (kept, WallPosition(offsets: offsets))
        }
        guard let (kept, position) = attached else { return nil }
        frames += kept.compactMap { $0.wallFrame(seen, nowUs: nowUs) }
        frames.append(.ready(id: position.id))
        return OpenStream(history: frames, queue: queue, callSid: nil, lease: lease)
    }

    func end(_ stream: OpenStream) {
        stream.queue.close()
        self.state.withLock { $0.watchers.remove(stream.queue, of: stream.callSid) }
    }
}

extension Problem {
    fileprivate static let behind = Problem(.serviceUnavailable, "The store is behind what happens.")
}
