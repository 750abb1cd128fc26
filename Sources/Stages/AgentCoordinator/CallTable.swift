import CallEvents
import CallFlow
import Kafka

/// The calls of the partitions that are ours, in memory. Values only: whoever owns it does the reading and writing.
struct CallTable {
    /// A call is kept this long after its end, for events that come late.
    static let keptAfterEndUs: Int64 = 3_600_000_000

    private struct Entry {
        var state: CallState
        /// When the next of the call's timers is due; nil when none will be.
        var dueAtUs: Int64?
        /// Timers that were fired, whose events have not come back yet.
        var fired: Set<String> = []

        init(_ state: CallState) {
            self.state = state
            self.schedule()
        }

        mutating func schedule() {
            let fired = self.fired
            self.dueAtUs = self.state.timers.lazy.filter { !fired.contains($0.name) }.map(\.dueAtUs).min()
        }

        mutating func takeDue(nowUs: Int64) -> [String] {
            guard let dueAtUs, dueAtUs <= nowUs else { return [] }
            let due = self.state.timers.filter { $0.dueAtUs <= nowUs && !self.fired.contains($0.name) }.map(\.name)
            self.fired.formUnion(due)
            self.schedule()
            return due
        }
    }

    private var partitions: [Int32: [String: Entry]] = [:]
    /// The offset to consume next, where it is known.
    private var next: [Int32: Int64] = [:]
    /// Partitions that were loaded, and whose calls were not looked through since.
    private var restored: Set<Int32> = []

    /// Calls that have not ended.
    var active: Int {
        self.partitions.values.reduce(0) { sum, calls in sum + calls.values.count { $0.state.phase != .ended } }
    }

    /// Takes a partition over, with the calls that its snapshots tell of.
    mutating func load(_ partition: Int32, _ calls: [String: CallState]) {
        self.partitions[partition] = calls.mapValues { Entry($0) }
        self.restored.insert(partition)
    }

    /// The calls of the partitions that were loaded since this was asked last.
    mutating func takeRestored() -> [CallState] {
        defer { self.restored = [] }
        return self.restored.flatMap { self.partitions[$0].map { $0.values.map(\.state) } ?? [] }
    }

    /// Everything before `offset` is dealt with.
    mutating func move(_ partition: Int32, to offset: Int64?) {
        if let offset { self.next[partition] = offset }
    }

    /// How far the partitions that are ours are dealt with, as far as it is known.
    func positions(_ topic: String) -> [KafkaTopicPartition: Int64] {
        Dictionary(
            uniqueKeysWithValues: self.next.map { (KafkaTopicPartition(topic: topic, partition: $0.key), $0.value) }
        )
    }

    mutating func unload(_ partition: Int32) {
        self.partitions[partition] = nil
        self.next[partition] = nil
        self.restored.remove(partition)
    }

    /// The partitions that are ours.
    var held: [Int32] { self.partitions.keys.sorted() }

    /// Whether the call is in a partition that is ours.
    func holds(_ callSid: String) -> Bool {
        self.partitions.values.contains { $0[callSid] != nil }
    }

    /// Folds an event into its call.
    /// - Returns: nil when the call's state includes the event already.
    mutating func apply(
        _ event: CallEvent,
        partition: Int32,
        offset: Int64
    ) -> (state: CallState, outputs: [CallOutput])? {
        // Taken out while it is changed, so that it is not copied.
        var entry =
            self.partitions[partition]?.removeValue(forKey: event.callSid) ?? Entry(CallState(callSid: event.callSid))
        defer { self.partitions[partition, default: [:]][event.callSid] = entry }
        guard offset > entry.state.appliedOffset else { return nil }
        let outputs = entry.state.apply(event, at: offset)
        if case .timerFired(let fired) = event.body { entry.fired.remove(fired.timer) }
        entry.schedule()
        return (entry.state, outputs)
    }

    /// Timers whose time has come, each once.
    mutating func takeDue(nowUs: Int64) -> [(callSid: String, timer: String)] {
        var due: [(callSid: String, timer: String)] = []
        for (partition, calls) in self.partitions {
            for (callSid, entry) in calls where (entry.dueAtUs ?? .max) <= nowUs {
                let timers = self.partitions[partition]?[callSid]?.takeDue(nowUs: nowUs) ?? []
                due += timers.map { (callSid, $0) }
            }
        }
        return due
    }

    /// Removes the calls that ended long enough ago.
    /// - Returns: their callSids.
    mutating func removeExpired(nowUs: Int64) -> [String] {
        var expired: [String] = []
        for (partition, calls) in self.partitions {
            for (callSid, entry) in calls
            where entry.state.phase == .ended && entry.state.endedAtUs + Self.keptAfterEndUs <= nowUs {
                expired.append(callSid)
                self.partitions[partition]?[callSid] = nil
            }
        }
        return expired
    }
}
