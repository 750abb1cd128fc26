/// How much a peer may send: a bucket of tokens that fills at a steady rate. A message costs one token, and one more for
/// each KiB of it.
///
/// Twilio sends 50 media messages a second and at most a dozen others; what a stalled network held back comes all at
/// once. The bucket holds 100 s of that and fills at three times the rate, so that no honest stream ever empties it.
package struct MessageBudget: Sendable {
    package static let tokensPerSecond: Int64 = 200
    package static let capacity: Int64 = 6_000

    private static let microseconds: Int64 = 1_000_000

    /// In millionths of a token, so that no fraction is lost.
    private var millionths = Self.capacity * Self.microseconds
    private var filledAtUs: Int64

    /// - Parameter nowUs: Unix microseconds, here and below.
    package init(nowUs: Int64) {
        self.filledAtUs = nowUs
    }

    /// Takes a message.
    /// - Returns: false when the peer has sent too much.
    package mutating func takes(_ bytes: Int, nowUs: Int64) -> Bool {
        // A clock that was set back fills nothing, one that was set forward at most the whole bucket.
        let passedUs = min(max(0, nowUs - self.filledAtUs), Self.capacity / Self.tokensPerSecond * Self.microseconds)
        self.filledAtUs = nowUs
        self.millionths = min(self.millionths + passedUs * Self.tokensPerSecond, Self.capacity * Self.microseconds)
        let cost = Int64(1 + bytes / 1_024) * Self.microseconds
        guard self.millionths >= cost else { return false }
        self.millionths -= cost
        return true
    }
}
