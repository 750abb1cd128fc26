import OpenAIRealtime
import Synchronization

/// What the account may still use, as the service last said, for all calls of the process: a call that would run into
/// the limit is better not begun.
final class AccountLimits: Sendable {
    /// A new call wants at least this part of each limit to be left.
    static let reserve = 0.1

    private struct Limit {
        var reported: ServerEvent.RateLimit
        var at: ContinuousClock.Instant
    }

    private let limits = Mutex<[String: Limit]>([:])

    func update(_ limits: [ServerEvent.RateLimit], at now: ContinuousClock.Instant = .now) {
        self.limits.withLock { known in
            for limit in limits where limit.limit > 0 { known[limit.name] = Limit(reported: limit, at: now) }
        }
    }

    /// How long a new call has to wait; zero when there is enough. What was used comes back evenly until `resetSeconds`.
    func delay(at now: ContinuousClock.Instant = .now) -> Duration {
        self.limits.withLock { limits in
            limits.values.map { known in
                let limit = known.reported
                let used = Double(limit.limit) - Double(limit.remaining)
                let missing = Double(limit.limit) * Self.reserve - Double(limit.remaining)
                guard missing > 0, used > 0, (0...86_400).contains(limit.resetSeconds) else { return .zero }
                return max(.zero, .seconds(limit.resetSeconds * missing / used) - (now - known.at))
            }.max() ?? .zero
        }
    }

    /// Returns true as soon as there is enough for a new call; false when that takes longer than `patience`.
    func admits(within patience: Duration) async -> Bool {
        let delay = self.delay()
        guard delay > .zero else { return true }
        guard delay <= patience, (try? await Task.sleep(for: delay)) != nil else { return false }
        return self.delay() <= .seconds(1)
    }
}
