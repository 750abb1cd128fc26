import CallEvents
import Kafka
import Logging
import StageRuntime
import TwilioMedia

/// Carries out telephony commands through Twilio's REST API, and says what became of each.
///
/// A call is hung up at least once. Keys are pressed, and a call is sent elsewhere, at most once: the command's id is
/// claimed before, by whichever instance; a claim that has no outcome when the command comes again means that nobody
/// knows, and so that nothing is done.
struct TelephonyCommandRunner: Sendable {
    /// The error of a command of which nobody knows whether it was carried out.
    static let unknownOutcome = "unknown"
    static let maxDigits = 64
    /// How many streams may follow the newest one that the coordinator knows of, before the one behind the digits.
    private static let reconnects: UInt32 = 100

    let calls: TwilioCalls
    let claims: Claims
    let events: EventWriter
    let documents: StreamDocuments
    let deadLetters: DeadLetters
    let logger: Logger

    private enum Outcome {
        case done
        case failed(String)
    }

    /// Returns when it is done, and said.
    /// - Throws: `CancellationError` when it had to stop before.
    func run(_ work: TelephonyWork) async throws {
        switch work.content {
        case .command(let command, let callSid):
            let outcome = try await self.carryOut(command, callSid)
            try await self.announce(outcome, of: command, callSid)
        case .unreadable(let reason):
            try await self.insist { try await self.deadLetters.write(work.record, reason: reason) }
        }
    }

    private func carryOut(_ command: TelephonyCommand, _ callSid: CallSid) async throws -> Outcome {
        switch command.body {
        case .hangUp(let hangUp):
            if !hangUp.apology.isEmpty, case .done = try await self.apologise(hangUp.apology, callSid) { return .done }
            return try await self.outcome { try await self.calls.hangUp(callSid) }
        case .playDigits(let digits):
            guard Self.areDigits(digits.digits) else {
                return .failed("digits must be 1 to \(Self.maxDigits) of 0-9 A-D # * w W")
            }
            let (epoch, isTooHigh) = digits.streamEpoch.addingReportingOverflow(Self.reconnects)
            guard !isTooHigh, epoch < UInt32.max - Self.reconnects else { return .failed("stream_epoch is too high") }
            return try await self.once(command) {
                let twiml = self.documents.press(digits.digits, callSid: callSid, streamEpoch: epoch)
                try await self.calls.update(callSid, to: .twiml(twiml.document))
            }
        case .redirect(let redirect):
            guard Self.isWebURL(redirect.url) else { return .failed("url must be an absolute https URL") }
            return try await self.once(command) { try await self.calls.update(callSid, to: .url(redirect.url)) }
        case nil:
            return .failed("this version does not know the command")
        }
    }

    /// In Twilio's own voice, since nobody else is there to speak; fails when the call is not answered, or over.
    private func apologise(_ words: String, _ callSid: CallSid) async throws -> Outcome {
        let document = TwiML(.say(words), .hangUp).document
        return try await self.outcome { try await self.calls.update(callSid, to: .twiml(document)) }
    }

    /// Does what must not be repeated, unless anybody did it before.
    private func once(_ command: TelephonyCommand, _ act: () async throws -> Void) async throws -> Outcome {
        let key = command.commandID
        switch try await self.insist({ try await self.claims.claim(key, bodySHA256: "", request: nil) }) {
        case .won(let claimID):
            let outcome = try await self.outcome(act)
            switch outcome {
            case .done:
                try await self.insist { try await self.claims.settle(key, claimID: claimID, callSid: nil) }
            case .failed(let error) where error != Self.unknownOutcome:
                try await self.insist { try await self.claims.release(key, claimID: claimID) }
            case .failed:
                break
            }
            return outcome
        case .done: return .done
        case .held, .otherBody: return .failed(Self.unknownOutcome)
        }
    }

    private func outcome(_ act: () async throws -> Void) async throws -> Outcome {
        do {
            try await act()
            return .done
        } catch let failure as TwilioCalls.Failure {
            switch failure {
            case .refused(let status, let code, _):
                return .failed("Twilio refused with status \(status)" + (code.map { ", code \($0)" } ?? ""))
            case .unreachable: return .failed("Twilio could not be reached")
            case .unclear, .timedOut: return .failed(Self.unknownOutcome)
            }
        }
    }

    private func announce(_ outcome: Outcome, of command: TelephonyCommand, _ callSid: CallSid) async throws {
        var completed = TelephonyCompleted()
        completed.commandID = command.commandID
        switch outcome {
        case .done: completed.succeeded = true
        case .failed(let error):
            completed.error = error
            self.logger.warning(
                "A telephony command was not carried out",
                metadata: [LogKey.callSid: "\(callSid)", "command": "\(command.commandID)", "reason": "\(error)"]
            )
        }
        let body = CallEvent.OneOf_Body.telephonyCompleted(completed)
        let id = "telephony/\(command.commandID)"
        try await self.insist { try await self.events.write(body, id: id, callSid: callSid) }
    }

    /// Repeats what the broker did not take until it does, at most 5 s apart.
    /// - Throws: `CancellationError`.
    private func insist<Result>(_ work: () async throws -> Result) async throws -> Result {
        var delay = Duration.milliseconds(250)
        while true {
            do {
                return try await work()
            } catch let error where !(error is CancellationError) {
                self.logger.warning(
                    "A telephony command waits for the broker; trying again",
                    metadata: [LogKey.error: "\(error)"]
                )
            }
            try await Task.sleep(for: delay)
            delay = min(delay * 2, .seconds(5))
        }
    }

    /// Twilio's `<Play digits>`.
    static func areDigits(_ text: String) -> Bool {
        (1...Self.maxDigits).contains(text.utf8.count) && text.utf8.allSatisfy("0123456789ABCD#*wW".utf8.contains)
    }

    private static func isWebURL(_ text: String) -> Bool {
        guard text.utf8.count <= 2_000, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { return false }
        return (text.hasPrefix("https://") && text.utf8.count > 8) || PublicURL.isOnLoopback(text)
    }
}
