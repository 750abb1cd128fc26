import ServiceLifecycle
import Synchronization

/// Lets calls through as fast as Twilio dials for the account; who comes too fast waits in order, for a limited time.
///
/// It is this instance's: what several instances dial together beyond the account's limit waits at Twilio.
final class DialQueue: Service, Sendable {
    typealias Ticket = DialLine.Ticket

    /// Waiting would take too long.
    struct Full: Error {
        /// Until a place is free.
        var retryAfter: Duration
    }

    /// The ticket was given back, or the queue has ended.
    struct Left: Error {}

    private struct State {
        var line: DialLine
        var waiters: [Ticket: CheckedContinuation<Void, any Error>] = [:]
        /// Whose turn came before they waited.
        var called: Set<Ticket> = []
        var hasEnded = false
    }

    private let state: Mutex<State>
    private let (changes, changed) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))

    init(callsPerSecond: Double, maxWait: Duration = .seconds(30)) {
        let line = DialLine(interval: .seconds(1 / callsPerSecond), maxWait: maxWait)
        self.state = Mutex(State(line: line))
    }

    /// Queues up. Each ticket is either waited with, or given back.
    func enter() -> Result<Ticket, Full> {
        let entry = self.state.withLock { $0.line.enter(now: .now) }
        self.changed.yield()
        return switch entry {
        case .ticket(let ticket): .success(ticket)
        case .full(let retryAfter): .failure(Full(retryAfter: retryAfter))
        }
    }

    /// Whether the turn of any of these is still to come, and not at once.
    func mustWait(for tickets: [Ticket]) -> Bool {
        self.state.withLock { state in
            let now = ContinuousClock.now
            return tickets.contains { state.line.mustWait($0, now: now) }
        }
    }

    /// Returns when it is the ticket's turn.
    /// - Throws: `Left`, or `CancellationError`: the place is another's.
    func turn(_ ticket: Ticket) async throws {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { continuation in
                let result = self.state.withLock { state -> Result<Void, any Error>? in
                    if state.called.remove(ticket) != nil { return .success(()) }
                    guard !state.hasEnded, state.line.contains(ticket) else { return .failure(Left()) }
                    state.waiters[ticket] = continuation
                    return nil
                }
                if let result {
                    continuation.resume(with: result)
                } else if Task.isCancelled {
                    self.leave([ticket], CancellationError())
                }
            }
        } onCancel: {
            self.leave([ticket], CancellationError())
        }
    }

    /// Gives places back; whoever waits with them stops waiting.
    func leave(_ tickets: [Ticket]) { self.leave(tickets, Left()) }

    private func leave(_ tickets: [Ticket], _ error: any Error) {
        let waiters = self.state.withLock { state in
            for ticket in tickets {
                state.line.leave(ticket)
                state.called.remove(ticket)
            }
            return tickets.compactMap { state.waiters.removeValue(forKey: $0) }
        }
        for waiter in waiters { waiter.resume(throwing: error) }
        self.changed.yield()
    }

    // MARK: The service

    /// Calls the tickets in their order.
    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            for await _ in self.changes {
                while let at = self.state.withLock({ $0.line.nextTurn }) {
                    try await Task.sleep(until: at, clock: .continuous)
                    self.callNext()
                }
            }
        }
        let waiters = self.state.withLock { state in
            state.hasEnded = true
            defer { state.waiters.removeAll() }
            return state.waiters.values
        }
        for waiter in waiters { waiter.resume(throwing: Left()) }
    }

    private func callNext() {
        let waiter = self.state.withLock { state -> CheckedContinuation<Void, any Error>? in
            guard let ticket = state.line.callNext(now: .now) else { return nil }
            guard let waiter = state.waiters.removeValue(forKey: ticket) else {
                state.called.insert(ticket)
                return nil
            }
            return waiter
        }
        waiter?.resume()
    }
}

/// Who waits, in order, and when the next may go.
struct DialLine: Sendable {
    typealias Ticket = UInt64

    enum Entry: Equatable {
        case ticket(Ticket)
        case full(retryAfter: Duration)
    }

    /// Between two calls.
    let interval: Duration
    let maxWait: Duration
    private var waiting: [Ticket] = []
    private var lastTicket: Ticket = 0
    private var free: ContinuousClock.Instant?

    init(interval: Duration, maxWait: Duration) {
        self.interval = interval
        self.maxWait = maxWait
    }

    mutating func enter(now: ContinuousClock.Instant) -> Entry {
        let first = max(now, self.free ?? now)
        self.free = first
        let wait = now.duration(to: first) + self.interval * self.waiting.count
        guard wait <= self.maxWait else { return .full(retryAfter: wait - self.maxWait) }
        self.lastTicket += 1
        self.waiting.append(self.lastTicket)
        return .ticket(self.lastTicket)
    }

    func contains(_ ticket: Ticket) -> Bool { self.waiting.contains(ticket) }

    func mustWait(_ ticket: Ticket, now: ContinuousClock.Instant) -> Bool {
        self.waiting.contains(ticket) && (self.waiting.first != ticket || self.free.map { $0 > now } ?? false)
    }

    /// Others move up.
    mutating func leave(_ ticket: Ticket) { self.waiting.removeAll { $0 == ticket } }

    /// When the first may go; nil when nobody waits.
    var nextTurn: ContinuousClock.Instant? { self.waiting.isEmpty ? nil : self.free }

    /// - Returns: nil when nobody waits, or it is too early.
    mutating func callNext(now: ContinuousClock.Instant) -> Ticket? {
        guard !self.waiting.isEmpty, let free = self.free, free <= now else { return nil }
        self.free = max(free, now) + self.interval
        return self.waiting.removeFirst()
    }
}
