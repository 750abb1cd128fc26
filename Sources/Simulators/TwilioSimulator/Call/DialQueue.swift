import Synchronization

/// Twilio's limit of calls per second: who comes too fast waits for their turn.
final class DialQueue: Sendable {
    private let nextFree = Mutex<ContinuousClock.Instant?>(nil)

    /// Takes the next place.
    /// - Parameter callsPerSecond: nil does not limit.
    /// - Returns: how many milliseconds to wait for it.
    func reserve(callsPerSecond: Double?) -> Int {
        guard let callsPerSecond else { return 0 }
        return self.nextFree.withLock { nextFree in
            let now = ContinuousClock.now
            let place = max(now, nextFree ?? now)
            nextFree = place + .seconds(1 / callsPerSecond)
            return Int((place - now) / .milliseconds(1))
        }
    }
}
