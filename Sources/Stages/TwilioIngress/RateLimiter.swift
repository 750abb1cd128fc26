import Synchronization

/// How fast each API token may request calls.
final class RateLimiter: Sendable {
    private let full: TokenBucket
    /// By whoever is limited: as many as there are API tokens.
    private let buckets = Mutex<[String: TokenBucket]>([:])

    init(perMinute: Int) {
        self.full = TokenBucket(capacity: Double(perMinute), perSecond: Double(perMinute) / 60)
    }

    /// - Returns: nil when `count` may go ahead, else after how long they may.
    func take(_ count: Int, for client: String, now: ContinuousClock.Instant = .now) -> Duration? {
        self.buckets.withLock { $0[client, default: self.full].take(count, now: now) }
    }
}

/// Holds up to `capacity`, refilled steadily. It is full at first.
struct TokenBucket: Sendable {
    let capacity: Double
    let perSecond: Double
    private var level: Double
    private var at: ContinuousClock.Instant?

    init(capacity: Double, perSecond: Double) {
        self.capacity = capacity
        self.perSecond = perSecond
        self.level = capacity
    }

    /// Takes `count` or nothing; more than the capacity when it is full, and then the next wait the longer.
    /// - Returns: nil when they were taken, else how long until they can be.
    mutating func take(_ count: Int, now: ContinuousClock.Instant) -> Duration? {
        let passed = self.at.map { ($0.duration(to: now) / .seconds(1)) } ?? 0
        self.level = min(self.capacity, self.level + max(0, passed) * self.perSecond)
        self.at = now
        let missing = min(Double(count), self.capacity) - self.level
        // A nanosecond's worth is a rounding error.
        guard missing <= self.perSecond * 1e-9 else { return .seconds(missing / self.perSecond) }
        self.level -= Double(count)
        return nil
    }
}
