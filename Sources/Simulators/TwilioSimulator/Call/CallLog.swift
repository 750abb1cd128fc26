import Synchronization

/// The facts of one call in the order in which they happened.
final class CallLog: Sendable {
    private let begin = ContinuousClock.now
    private let facts = Mutex<[CallFact]>([])
    private let observe: @Sendable (CallFact) -> Void

    /// - Parameter observe: told each fact, on whichever thread it happened; it must not wait.
    init(observe: @escaping @Sendable (CallFact) -> Void) {
        self.observe = observe
    }

    func add(_ event: CallFact.Event) {
        let fact = CallFact(at: ContinuousClock.now - self.begin, event: event)
        self.facts.withLock { $0.append(fact) }
        self.observe(fact)
    }

    var snapshot: [CallFact] { self.facts.withLock { $0 } }
}
