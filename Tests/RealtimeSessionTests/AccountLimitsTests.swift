import OpenAIRealtime
import Testing

@testable import RealtimeSession

@Suite struct `What the account has left` {
    private static func tokens(_ remaining: Int, resetSeconds: Double = 60) -> [ServerEvent.RateLimit] {
        [ServerEvent.RateLimit(name: "tokens", limit: 40_000, remaining: remaining, resetSeconds: resetSeconds)]
    }

    /// Tokens that are left, and seconds until there are 4,000.
    private static let waits: [(Int, Double)] = [(40_000, 0), (4000, 0), (0, 6), (2000, 3.158), (-5, 6.007)]

    @Test(arguments: Self.waits)
    func `a new call waits until a tenth is left`(_ remaining: Int, _ seconds: Double) {
        let limits = AccountLimits()
        let now = ContinuousClock.now
        limits.update(Self.tokens(remaining), at: now)
        #expect(abs(limits.delay(at: now) / .seconds(1) - seconds) < 0.001)
        #expect(limits.delay(at: now + .seconds(61)) == .zero)
    }

    @Test func `the newest report counts, and nonsense does not`() {
        let limits = AccountLimits()
        limits.update(Self.tokens(0))
        limits.update(Self.tokens(40_000))
        #expect(limits.delay() == .zero)
        limits.update(Self.tokens(0, resetSeconds: .infinity))
        limits.update([ServerEvent.RateLimit(name: "requests", limit: 0, remaining: 0, resetSeconds: 9)])
        #expect(limits.delay() == .zero)
    }

    @Test func `a call that would wait too long is not begun`() async {
        let limits = AccountLimits()
        #expect(await limits.admits(within: .seconds(5)))
        limits.update(Self.tokens(0, resetSeconds: 600))
        #expect(await !limits.admits(within: .seconds(5)))
        limits.update(Self.tokens(0, resetSeconds: 2))
        #expect(await limits.admits(within: .seconds(5)))
    }
}
