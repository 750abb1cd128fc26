package import CallEvents

/// Tells one call's events as lines for people, each fact once.
package struct Narrator: Sendable {
    package struct Line: Sendable, Equatable {
        /// Who or what a line is about.
        package enum Subject: String, Sendable, CaseIterable {
            case phone, session, person, agent, tool, result, problem
        }

        /// Since the call's first event, in milliseconds.
        package var atMs: Int64
        package var subject: Subject
        package var text: String
    }

    /// Twilio reported the end of the call.
    package private(set) var hasEnded = false
    private var startedAtUs: Int64?
    private var answeredAtUs: Int64?
    private var seen: Set<String> = []
    private var toolCalls: [String: String] = [:]

    package init() {}

    package mutating func tell(_ event: CallEvent) -> [Line] {
        if self.startedAtUs == nil { self.startedAtUs = event.occurredAtUs }
        if !event.eventID.isEmpty, !self.seen.insert(event.eventID).inserted { return [] }
        guard let body = event.body else { return [] }
        return self.tell(body, atUs: event.occurredAtUs).map { self.line(event.occurredAtUs, $0.0, $0.1) }
    }

    /// A quote as it stands on results.quotes, when `atUs` is now.
    package func tell(_ quote: Quote, atUs: Int64) -> Line {
        let parts = ["\(quote.price) \(quote.currency)", quote.details, quote.availability].filter { !$0.isEmpty }
        return self.line(atUs, .result, "quote \(parts.joined(separator: ", ")) (\(quote.quoteID))")
    }

    private func line(_ atUs: Int64, _ subject: Line.Subject, _ text: String) -> Line {
        Line(atMs: max(0, atUs - (self.startedAtUs ?? atUs)) / 1000, subject: subject, text: text)
    }

    private mutating func tell(_ body: CallEvent.OneOf_Body, atUs: Int64) -> [(Line.Subject, String)] {
        switch body {
        case .requested(let request) where request.isInbound: return [(.phone, "somebody calls us")]
        case .requested(let request):
            return [(.phone, "calling \(request.businessName): “\(request.userRequest)”")]
        case .statusChanged(let change): return self.tell(change, atUs: atUs)
        case .streamStarted(let stream):
            return [(.phone, stream.streamEpoch > 1 ? "audio is back (stream \(stream.streamEpoch))" : "audio flows")]
        case .streamStopped(let stream): return [(.phone, "audio stopped (\(stream.reason))")]
        case .sessionClaimed(let claim): return [(.session, "taken by \(claim.instance)")]
        case .sessionReady(let ready):
            return [(.session, "ready, \(ready.model)\(ready.restored ? ", conversation restored" : "")")]
        case .speechStarted(let speech) where !speech.interruptedItemID.isEmpty:
            return [(.person, "interrupts after \(speech.playedMs) ms")]
        case .utterance(let utterance): return [self.tell(utterance)]
        case .toolRequested(let request):
            self.toolCalls[request.call.toolCallID] = request.call.name
            return [(.tool, "\(request.call.name) \(request.call.arguments)")]
        case .toolCompleted(let completed):
            let name = self.toolCalls[completed.toolCallID] ?? completed.name
            return [(completed.succeeded ? .tool : .problem, "\(name) → \(completed.output)")]
        case .responseDone(let response): return self.tell(response)
        case .callPlanned(let plan): return [(.agent, "\(plan.agent.agent) begins")]
        case .handoffRefused(let refused):
            return [(.problem, "not handed to \(refused.request.toAgent): \(refused.reason)")]
        case .agentChanged(let change): return [(.agent, "\(change.handoff.fromAgent) → \(change.handoff.toAgent)")]
        case .machineDetected(let machine): return [(.phone, "answered by \(machine.answeredBy)")]
        case .dtmfReceived(let dtmf): return [(.phone, "key \(dtmf.digit)")]
        case .errorOccurred(let error): return [(.problem, "\(error.code): \(error.message)")]
        case .sessionEnded(let end): return [(.session, "ended (\(end.reason))")]
        case .endRequested(let end): return [(.phone, "is to end (\(end.reason))")]
        case .handoffRequested(let handoff): return [(.agent, "hand over to \(handoff.toAgent) (\(handoff.reason))")]
        case .streamStatusChanged(let change) where !change.error.isEmpty:
            return [(.problem, "\(change.event): \(change.error)")]
        case .telephonyCompleted(let done) where !done.succeeded:
            return [(.problem, "\(done.commandID): \(done.error)")]
        case .turnMeasured(let turn): return [(.phone, "answer heard after \(turn.firstPlayedMs) ms")]
        case .speechStarted, .speechStopped, .toolStarted, .timerFired, .streamStatusChanged, .telephonyCompleted,
            .replyProgressed, .transcriptionDone:
            return []
        }
    }

    private mutating func tell(_ change: CallStatusChanged, atUs: Int64) -> [(Line.Subject, String)] {
        let phase = CallPhase(twilioStatus: change.status)
        if phase == .inProgress {
            if self.answeredAtUs == nil { self.answeredAtUs = atUs }
            return [(.phone, "answered")]
        }
        guard phase == .ended else { return [(.phone, change.status)] }
        self.hasEnded = true
        guard let answeredAtUs = self.answeredAtUs else { return [(.phone, "ended: \(change.status)")] }
        return [(.phone, "ended: \(change.status) after \(Self.seconds(atUs - answeredAtUs))")]
    }

    private func tell(_ utterance: Utterance) -> (Line.Subject, String) {
        let cut = utterance.interrupted ? " [cut after \(utterance.playedMs) ms]" : ""
        return (utterance.speaker == .agent ? .agent : .person, "“\(utterance.text)”\(cut)")
    }

    private func tell(_ response: ResponseDone) -> [(Line.Subject, String)] {
        var lines: [(Line.Subject, String)] = []
        if response.firstAudioMs > 0 { lines.append((.session, "first audio after \(response.firstAudioMs) ms")) }
        if response.status == "failed" || response.status == "incomplete" {
            lines.append((.problem, "response \(response.status)"))
        }
        return lines
    }

    private static func seconds(_ us: Int64) -> String { "\(max(0, us) / 1_000_000).\(max(0, us) / 100_000 % 10) s" }
}
