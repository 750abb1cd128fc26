import CallEvents
import CallFlow
import ResultsStore

/// The newest changes of one partition of topic events, folded as its events come. A value: no broker, no store.
struct PartitionFeed: Sendable {
    let partition: Int32
    /// All changes from here on are kept, up to `next`.
    private(set) var keptFrom: Int64
    /// The offset that is folded next.
    private(set) var next: Int64
    /// What the store must hold for the state of a call that is not here: all events before this.
    private(set) var mustBeStored: Int64
    private var kept: [RecordedChanges] = []
    private var states: [String: CallState] = [:]
    /// Calls that are over, in this order.
    private var over: [String] = []
    private let limits: Limits

    struct Limits: Sendable {
        /// How many records' changes are kept, about.
        var changes = 1_024
        /// How many calls' states, besides those in progress.
        var states = 256
    }

    /// - Parameter next: of which the store holds all before.
    init(partition: Int32, from next: Int64, limits: Limits = Limits()) {
        self.partition = partition
        self.keptFrom = next
        self.next = next
        self.mustBeStored = next
        self.limits = limits
    }

    func knows(_ callSid: String) -> Bool { self.states[callSid] != nil }

    /// Begins to fold a call on what the store holds of it.
    /// - Parameters:
    ///   - state: nil for a call of which nothing is stored.
    ///   - missed: what the store was ahead with: changes whose events are not folded here.
    mutating func learn(_ callSid: String, _ state: CallState?, missed: [RecordedChanges] = []) {
        guard !self.knows(callSid) else { return }
        self.states[callSid] = state ?? CallState(callSid: callSid)
        if state?.phase == .ended { self.over.append(callSid) }
        for changes in missed { self.keep(changes) }
    }

    /// Folds an event of a call whose state is known.
    /// - Returns: what it changes; nil when it was folded before, or the store had it already.
    mutating func apply(_ event: CallEvent, at offset: Int64, recordedAtMs: Int64) -> RecordedChanges? {
        guard offset >= self.next else { return nil }
        self.next = offset + 1
        guard let before = self.states[event.callSid], offset > before.appliedOffset else { return nil }
        var after = before
        // What the fold asks for is the coordinator's to do.
        _ = after.apply(event, at: offset)
        self.states[event.callSid] = after
        if after.phase == .ended, before.phase != .ended { self.over.append(event.callSid) }
        let made = RecordedChanges(
            callSid: event.callSid,
            offset: offset,
            recordedAtMs: recordedAtMs,
            changes: CallChanges.of(
                event,
                at: offset,
                partition: self.partition,
                before: before.appliedOffset < 0 ? nil : before,
                after: after
            )
        )
        if !made.changes.isEmpty { self.keep(made) }
        return made
    }

    /// An event that cannot be read.
    mutating func skip(_ offset: Int64) { self.next = max(self.next, offset + 1) }

    /// What is kept of all that changed, in the order in which it was found.
    func changes(where isWanted: (RecordedChanges) -> Bool) -> [RecordedChanges] { self.kept.filter(isWanted) }

    private mutating func keep(_ changes: RecordedChanges) {
        self.kept.append(changes)
        guard self.kept.count > self.limits.changes else { return }
        // A quarter at once, so that this is rare.
        let dropped = self.limits.changes / 4 + 1
        self.keptFrom = max(self.keptFrom, (self.kept.prefix(dropped).map(\.offset).max() ?? 0) + 1)
        self.kept.removeFirst(dropped)
    }

    /// Forgets the states of calls that were over first. Not between the learning and the folding of a call.
    mutating func trim() {
        while self.over.count > self.limits.states {
            guard let state = self.states.removeValue(forKey: self.over.removeFirst()) else { continue }
            self.mustBeStored = max(self.mustBeStored, state.appliedOffset + 1)
        }
    }
}
