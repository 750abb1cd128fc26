import CallEvents
import CallFlow

/// The calls of the partitions that are ours, in memory. Values only: whoever owns it does the reading and writing.
struct CallTable {
    /// A call is kept this long after its end, for events that come late.
    static let keptAfterEndUs: Int64 = 3_600_000_000

    private var partitions: [Int32: [String: CallState]] = [:]

    /// Calls that have not ended.
    var active: Int {
        self.partitions.values.reduce(0) { sum, calls in sum + calls.values.count { $0.phase != .ended } }
    }

    /// Takes a partition over, with the calls that its snapshots tell of.
    mutating func load(_ partition: Int32, _ calls: [String: CallState]) {
        self.partitions[partition] = calls
    }

    mutating func unload(_ partition: Int32) {
        self.partitions[partition] = nil
    }

    /// Folds an event into its call.
    /// - Returns: nil when the call's state includes the event already.
    mutating func apply(
        _ event: CallEvent,
        partition: Int32,
        offset: Int64
    ) -> (state: CallState, outputs: [CallOutput])? {
        // Taken out while it is changed, so that it is not copied.
        var state = self.partitions[partition]?.removeValue(forKey: event.callSid) ?? CallState(callSid: event.callSid)
        defer { self.partitions[partition, default: [:]][event.callSid] = state }
        guard offset > state.appliedOffset else { return nil }
        let outputs = state.apply(event, at: offset)
        return (state, outputs)
    }

    /// Removes the calls that ended long enough ago.
    /// - Returns: their callSids.
    mutating func removeExpired(nowUs: Int64) -> [String] {
        var expired: [String] = []
        for (partition, calls) in self.partitions {
            for (callSid, state) in calls
            where state.phase == .ended && state.endedAtUs + Self.keptAfterEndUs <= nowUs {
                expired.append(callSid)
                self.partitions[partition]?[callSid] = nil
            }
        }
        return expired
    }
}
