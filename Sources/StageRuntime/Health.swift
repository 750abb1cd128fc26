import Synchronization

/// What `/readyz` answers: ready when every named check is.
package final class Health: Sendable {
    /// The check that fails as soon as the process was told to stop.
    static let runningCheck = "not-shutting-down"

    private let checks = Mutex<[String: Bool]>([:])

    package init() {}

    /// A check that must become true before the stage is ready, such as `kafka-assignment`. Until `set`, it is not.
    package func require(_ check: String) {
        self.checks.withLock { $0[check] = $0[check] ?? false }
    }

    package func set(_ check: String, ready: Bool) {
        self.checks.withLock { $0[check] = ready }
    }

    /// The stage finishes what it has and takes nothing new; it is not ready, and does not become ready again.
    package func shutDown() {
        self.set(Self.runningCheck, ready: false)
    }

    /// Whether `shutDown` was called: nothing new may begin.
    package var isShuttingDown: Bool {
        self.checks.withLock { $0[Self.runningCheck] == false }
    }

    /// The names of the checks that are not ready, sorted; empty when the stage is ready.
    package var waitingFor: [String] {
        self.checks.withLock { checks in checks.filter { !$0.value }.keys.sorted() }
    }
}
