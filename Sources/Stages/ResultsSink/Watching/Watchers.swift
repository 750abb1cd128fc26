import ResultsStore

/// Who watches what, and what each of them has seen. A value: whoever holds it locks it.
struct Watchers: Sendable {
    typealias ID = ObjectIdentifier

    private struct CallWatcher {
        var queue: WatchQueue
        /// What happened up to this offset needs not be sent.
        var seen: Int64
    }

    private struct WallWatcher {
        var queue: WatchQueue
        /// The same, of calls that were in the history and of which nothing came since.
        var seen: [String: Int64]
        /// The same, of all calls of each partition.
        var position: WallPosition
    }

    private var calls: [String: [ID: CallWatcher]] = [:]
    private var walls: [ID: WallWatcher] = [:]

    var count: Int { self.calls.values.reduce(self.walls.count) { $0 + $1.count } }
    var haveWalls: Bool { !self.walls.isEmpty }

    mutating func add(_ queue: WatchQueue, of callSid: String, seen: Int64) {
        self.calls[callSid, default: [:]][ID(queue)] = CallWatcher(queue: queue, seen: seen)
    }

    mutating func add(_ queue: WatchQueue, seen: [String: Int64], position: WallPosition) {
        self.walls[ID(queue)] = WallWatcher(queue: queue, seen: seen, position: position)
    }

    mutating func remove(_ queue: WatchQueue, of callSid: String?) {
        self.walls[ID(queue)] = nil
        guard let callSid else { return }
        self.calls[callSid]?[ID(queue)] = nil
        if self.calls[callSid]?.isEmpty == true { self.calls[callSid] = nil }
    }

    /// - Parameter position: how far all partitions are, this change included.
    mutating func publish(_ changes: RecordedChanges, partition: Int32, position: WallPosition, nowUs: Int64) {
        let watching = self.calls[changes.callSid]?.values.filter { $0.seen < changes.offset } ?? []
        if !watching.isEmpty {
            let frames = changes.frames(nowUs: nowUs)
            for watcher in watching { watcher.queue.add(frames) }
        }
        guard !self.walls.isEmpty, let frame = changes.wallFrame(position, nowUs: nowUs) else { return }
        for (id, watcher) in self.walls {
            let index = Int(partition)
            let seen = watcher.position.offsets.indices.contains(index) ? watcher.position.offsets[index] : -1
            guard changes.offset > max(seen, watcher.seen[changes.callSid] ?? -1) else { continue }
            self.walls[id]?.seen[changes.callSid] = nil
            watcher.queue.add(CollectionOfOne(frame))
        }
    }

    /// Something of a call that is true for a moment only.
    /// - Parameter frame: made when somebody watches the call.
    func publish(_ callSid: String, _ frame: () -> StreamFrame?) {
        guard let watching = self.calls[callSid], let frame = frame() else { return }
        for watcher in watching.values { watcher.queue.add(CollectionOfOne(frame)) }
    }

    func publishToWalls(_ frame: StreamFrame) {
        for watcher in self.walls.values { watcher.queue.add(CollectionOfOne(frame)) }
    }

    func publishToAll(_ frame: StreamFrame) {
        self.publishToWalls(frame)
        for watcher in self.calls.values.flatMap(\.values) { watcher.queue.add(CollectionOfOne(frame)) }
    }

    func closeAll() {
        for watcher in self.walls.values { watcher.queue.close() }
        for watcher in self.calls.values.flatMap(\.values) { watcher.queue.close() }
    }
}
