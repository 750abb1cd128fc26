package import CallEvents

/// The properties of a call that its API resource shows.
package struct CallDetails: Sendable, Equatable {
    package enum Status: String, Sendable, CaseIterable {
        case queued, ringing, completed, busy, failed, canceled
        case inProgress = "in-progress"
        case noAnswer = "no-answer"

        package var isFinal: Bool {
            switch self {
            case .queued, .ringing, .inProgress: false
            case .completed, .busy, .failed, .canceled, .noAnswer: true
            }
        }
    }

    package enum Direction: String, Sendable {
        case inbound
        case outbound = "outbound-api"
    }

    package let sid: CallSid
    package let accountSid: String
    package let to: String
    package let from: String
    package let direction: Direction
    package var status: Status
    package let created: TwilioTime
    package var updated: TwilioTime
    /// When the phone of the person who is called was dialled, or an inbound call arrived: `start_time`.
    package var dialed: TwilioTime?
    package var answered: TwilioTime?
    package var ended: TwilioTime?
    /// How long it waits to be dialled.
    package let queuedMs: Int
    package var answeredBy: String?

    package init(
        sid: CallSid,
        accountSid: String,
        to: String,
        from: String,
        direction: Direction = .outbound,
        created: TwilioTime,
        queuedMs: Int = 0
    ) {
        self.sid = sid
        self.accountSid = accountSid
        self.to = to
        self.from = from
        self.direction = direction
        self.status = direction == .inbound ? .ringing : .queued
        self.created = created
        self.queuedMs = queuedMs
        if direction == .inbound { self.dialed = created }
        self.updated = created
    }

    /// Whole seconds from the answer to the end; nil until the end.
    package var durationSeconds: Int? {
        guard let ended = self.ended else { return nil }
        guard let answered = self.answered else { return 0 }
        return (ended.milliseconds - answered.milliseconds + 500) / 1000
    }
}
