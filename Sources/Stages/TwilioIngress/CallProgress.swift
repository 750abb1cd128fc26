/// Twilio's `CallStatus`.
struct CallProgress: Sendable, Equatable {
    /// As Twilio spells it; also one that this version does not know.
    var status: String

    init(_ status: String) {
        self.status = status
    }

    /// Nothing comes after it.
    var isOver: Bool { ["completed", "busy", "failed", "no-answer", "canceled"].contains(self.status) }

    /// Where it stands in a call of the usual course, for a callback that does not say its `SequenceNumber`.
    var usualSequence: UInt32? {
        switch self.status {
        case "queued", "initiated": 0
        case "ringing": 1
        case "in-progress": 2
        default: self.isOver ? 3 : nil
        }
    }
}
