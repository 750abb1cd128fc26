package import CallEvents
import SwiftProtobuf

extension CallState {
    /// Twilio's callbacks come at least once and out of order. A higher sequence number wins; the end is final,
    /// whatever comes after it.
    mutating func statusChanged(_ change: CallStatusChanged, atUs: Int64) -> [CallOutput] {
        let phase = CallPhase(twilioStatus: change.status)
        if phase == .inProgress { self.answered(atUs: atUs) }
        guard change.sequenceNumber >= self.nextStatusSequence || (phase == .ended && self.phase != .ended) else {
            return []
        }
        self.nextStatusSequence = max(self.nextStatusSequence, change.sequenceNumber &+ 1)
        guard self.phase != .ended else { return [] }
        self.status = change.status
        self.phase = max(self.phase, phase)
        guard self.phase == .ended else { return [] }
        self.endedAtUs = atUs
        return self.endOfSession(reason: change.status)
    }

    /// The person is on the line: Twilio said so, or their audio came.
    mutating func answered(atUs: Int64) {
        if self.answeredAtUs == 0 { self.answeredAtUs = atUs }
        self.phase = max(self.phase, .inProgress)
    }

    private mutating func endOfSession(reason: String) -> [CallOutput] {
        if self.endReason.isEmpty { self.endReason = reason }
        guard self.hasSession else { return [] }
        return [self.command(CallID.end(self.callSid)) { $0.endSession.reason = reason }]
    }
}

extension CallPhase: Comparable {
    /// - Parameter twilioStatus: Twilio's `CallStatus`; one that is not known says nothing about the phase.
    package init(twilioStatus: String) {
        switch twilioStatus {
        case "queued", "initiated": self = .requested
        case "ringing": self = .ringing
        case "in-progress", "answered": self = .inProgress
        case "completed", "busy", "failed", "no-answer", "canceled": self = .ended
        default: self = .unspecified
        }
    }

    package static func < (left: CallPhase, right: CallPhase) -> Bool { left.rawValue < right.rawValue }
}
