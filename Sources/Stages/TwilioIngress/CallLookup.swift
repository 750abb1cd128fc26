/// What Twilio's REST API says of a call.
struct CallLookup: Sendable, Equatable {
    /// Twilio's `CallStatus`.
    var status: String
    var durationSeconds: UInt32

    var isOver: Bool { ["completed", "busy", "failed", "no-answer", "canceled"].contains(self.status) }

    /// That of the last status callback of a call of the usual course, so that both are one event.
    var sequenceNumber: UInt32 { 3 }
}
