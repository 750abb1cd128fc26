import NIOCore

/// Calls that are over: nobody starts one of them again. Forgotten when no command to start one can be young enough.
struct EndedCalls: Sendable {
    private let kept: Duration
    private var recent: Set<ByteBuffer> = []
    private var earlier: Set<ByteBuffer> = []
    private var recentSince: ContinuousClock.Instant?

    /// - Parameter kept: how long a call is known at least; it is forgotten when the next one ends after twice that.
    init(kept: Duration) {
        self.kept = kept
    }

    mutating func insert(_ calls: some Sequence<ByteBuffer>, at now: ContinuousClock.Instant) {
        if now - (self.recentSince ?? now) > self.kept {
            self.earlier = self.recent
            self.recent = []
            self.recentSince = now
        }
        self.recentSince = self.recentSince ?? now
        self.recent.formUnion(calls)
    }

    func contains(_ call: ByteBuffer) -> Bool {
        self.recent.contains(call) || self.earlier.contains(call)
    }
}
