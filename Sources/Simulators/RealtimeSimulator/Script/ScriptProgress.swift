import Synchronization

/// Which rules and faults have run how often, over all sessions of a simulator.
final class ScriptProgress: Sendable {
    private struct Counts {
        var rules: [Int: Int] = [:]
        var faults: [Int: Int] = [:]
        var sessions = 0
    }

    let script: Script
    private let counts = Mutex(Counts())

    init(_ script: Script) {
        self.script = script
    }

    /// The number of a new session, from 1.
    func nextSession() -> Int {
        self.counts.withLock { counts in
            counts.sessions += 1
            return counts.sessions
        }
    }

    /// The first rule for `trigger` that may run (again); it counts as having run.
    /// - Parameter runs: of the session, by index.
    func take(_ trigger: Rule.Trigger, session: Int, runs: inout [Int: Int]) -> Rule? {
        self.counts.withLock { counts in
            for (index, rule) in self.script.rules.enumerated() where rule.trigger == trigger {
                guard rule.sessions?.contains(session) ?? true,
                    counts.rules[index, default: 0] < rule.times ?? Int.max,
                    runs[index, default: 0] < rule.timesPerSession ?? Int.max
                else { continue }
                counts.rules[index, default: 0] += 1
                runs[index, default: 0] += 1
                return rule
            }
            return nil
        }
    }

    /// The fault at `index`, if it may happen (again); it counts as having happened.
    func takeFault(_ index: Int, session: Int) -> Fault? {
        let fault = self.script.faults[index]
        guard fault.sessions?.contains(session) ?? true else { return nil }
        return self.counts.withLock { counts in
            guard counts.faults[index, default: 0] < fault.times ?? Int.max else { return nil }
            counts.faults[index, default: 0] += 1
            return fault.fault
        }
    }

    /// The HTTP status with which an upgrade is to be refused.
    func takeRefusal() -> Int? {
        for (index, fault) in self.script.faults.enumerated() where fault.moment == .upgrade {
            if case .refuse(let status)? = self.takeFault(index, session: 0) { return status }
        }
        return nil
    }
}
