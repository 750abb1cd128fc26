/// What a TwiML request is about, and what its answer is: the next Media Stream of the call, or its end.
///
/// Twilio never reconnects a stream. When one ends, `<Connect action>`, or the `<Redirect>` behind it, asks for TwiML
/// again with the values that the last answer put into the URL: `epoch`, `attempt` and `at`.
package struct StreamPlan: Sendable, Equatable {
    package enum Answer: Sendable, Equatable {
        /// Connect a stream of `epoch`; when it ends, ask again with `next`.
        case connect(epoch: UInt32, next: StreamPlan)
        /// Too many streams in a row came to nothing.
        case giveUp
    }

    /// The stream to connect, from 1.
    package var epoch: UInt32
    /// How often in a row a stream was connected again; 0 for the first.
    package var attempt: Int
    /// When the stream before this was connected, Unix milliseconds; 0 for the first.
    package var connectedAtMs: Int64

    package static let maxAttempts = 5
    /// A stream that lived longer than this had worked: the attempts begin anew.
    package static let healthyMs: Int64 = 30_000

    /// The plan of a request without a query: the call's first stream.
    package init() {
        self.init(epoch: 1, attempt: 0, connectedAtMs: 0)
    }

    package init(epoch: UInt32, attempt: Int, connectedAtMs: Int64) {
        self.epoch = epoch
        self.attempt = attempt
        self.connectedAtMs = connectedAtMs
    }

    /// - Returns: nil when a value is there and makes no sense.
    package init?(query: FormFields) {
        self.init()
        if let text = query["epoch"] {
            guard let epoch = UInt32(text), epoch > 0, epoch < UInt32.max else { return nil }
            self.epoch = epoch
        }
        if let text = query["attempt"] {
            guard let attempt = Int(text), (0...1_000).contains(attempt) else { return nil }
            self.attempt = attempt
        }
        if let text = query["at"] {
            guard let at = Int64(text), at >= 0 else { return nil }
            self.connectedAtMs = at
        }
    }

    package var query: String {
        "epoch=\(self.epoch)&attempt=\(self.attempt)&at=\(self.connectedAtMs)"
    }

    package func answer(nowMs: Int64) -> Answer {
        let attempt = self.attempt > 0 && nowMs - self.connectedAtMs > Self.healthyMs ? 1 : self.attempt
        guard attempt <= Self.maxAttempts else { return .giveUp }
        return .connect(
            epoch: self.epoch,
            next: StreamPlan(epoch: self.epoch + 1, attempt: attempt + 1, connectedAtMs: nowMs)
        )
    }
}
