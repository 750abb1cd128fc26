import Synchronization

/// The facts of one call in the order in which they happened.
///
/// Marks come ten times a second: past `maximumMarks` facts they are left out, so that a long call stays small.
final class CallLog: Sendable {
    private static let maximumMarks = 20_000

    private let begin = ContinuousClock.now
    private let facts = Mutex<[CallFact]>([])
    private let observe: @Sendable (CallFact) -> Void

    /// - Parameter observe: told each fact, on whichever thread it happened; it must not wait.
    init(observe: @escaping @Sendable (CallFact) -> Void) {
        self.observe = observe
    }

    func add(_ event: CallFact.Event) {
        let fact = CallFact(at: ContinuousClock.now - self.begin, event: event)
        self.facts.withLock { facts in
            switch event {
            case .markQueued, .markReturned:
                if facts.count < Self.maximumMarks { facts.append(fact) }
            default:
                facts.append(fact)
            }
        }
        self.observe(fact)
    }

    var snapshot: [CallFact] { self.facts.withLock { $0 } }
}
