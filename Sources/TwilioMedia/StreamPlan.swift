/// What a TwiML request is about, and what its answer is: the next Media Stream of the call, or its end.
///
/// Twilio never reconnects a stream. When one ends, `<Connect action>`, or the `<Redirect>` behind it, asks for TwiML
/// again with the values that the last answer put into the URL: `epoch`, `attempt` and `at`, and `request`, which was
/// there from the beginning.
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
    /// The claim that the call was dialled under; nil for a call that others made.
    package var request: String?

    package static let maxAttempts = 5
    /// A stream that lived longer than this had worked: the attempts begin anew.
    package static let healthyMs: Int64 = 30_000

    /// The plan of a request without a query: the call's first stream.
    package init() {
        self.init(epoch: 1, attempt: 0, connectedAtMs: 0)
    }

    package init(epoch: UInt32, attempt: Int, connectedAtMs: Int64, request: String? = nil) {
        self.epoch = epoch
        self.attempt = attempt
        self.connectedAtMs = connectedAtMs
        self.request = request
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
        if let request = query["request"] {
            guard Self.isClaimKey(request) else { return nil }
            self.request = request
        }
    }

    package var query: String {
        "epoch=\(self.epoch)&attempt=\(self.attempt)&at=\(self.connectedAtMs)"
            + (self.request.map { "&request=\($0)" } ?? "")
    }

    /// No stream of the call has been asked for yet.
    package var isFirst: Bool { self.attempt == 0 && self.connectedAtMs == 0 }

    /// Whether `text` can be a claim's key in a URL: 1–64 of `A-Z a-z 0-9 - _ . ~`.
    package static func isClaimKey(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "-_.~".utf8.contains(byte)
                }
            }
    }

    package func answer(nowMs: Int64) -> Answer {
        let attempt = self.attempt > 0 && nowMs - self.connectedAtMs > Self.healthyMs ? 1 : self.attempt
        guard attempt <= Self.maxAttempts else { return .giveUp }
        return .connect(
            epoch: self.epoch,
            next: StreamPlan(
                epoch: self.epoch + 1,
                attempt: attempt + 1,
                connectedAtMs: nowMs,
                request: self.request
            )
        )
    }
}
