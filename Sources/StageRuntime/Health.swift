import Synchronization

/// What `/readyz` answers: ready when every named check is.
package final class Health: Sendable {
    private let checks = Mutex<[String: Bool]>([:])

    package init() {}

    /// A check that must become true before the stage is ready, such as `kafka-assignment`. Until `set`, it is not.
    package func require(_ check: String) {
        self.checks.withLock { $0[check] = $0[check] ?? false }
    }

    package func set(_ check: String, ready: Bool) {
        self.checks.withLock { $0[check] = ready }
    }

    /// The names of the checks that are not ready, sorted; empty when the stage is ready.
    package var waitingFor: [String] {
        self.checks.withLock { checks in checks.filter { !$0.value }.keys.sorted() }
    }
}
