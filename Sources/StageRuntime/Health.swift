/// What `/readyz` answers: ready when every named check is.
package final class Health: Sendable {
    package init() {}

    /// A check that must become true before the stage is ready, such as `kafka-assignment`. Until `set`, it is not.
    package func require(_ check: String) { fatalError("stub") }

    package func set(_ check: String, ready: Bool) { fatalError("stub") }

    /// The names of the checks that are not ready, sorted; empty when the stage is ready.
    package var waitingFor: [String] { fatalError("stub") }
}
