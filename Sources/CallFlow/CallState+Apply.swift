package import CallEvents
import SwiftProtobuf

extension CallState {
    /// A call of which no event was seen.
    package init(callSid: String) {
        self.init()
        self.callSid = callSid
        self.appliedOffset = -1
    }

    /// Folds one event of topic events into the state: pure, deterministic, the same on any instance.
    ///
    /// An event at or before `appliedOffset`, a repeat, an event of another call, and an event of a session that
    /// another has fenced change nothing (but `appliedOffset`) and ask for nothing. Events that overtook
    /// `CallRequested` are kept: their effect shows when it arrives.
    package mutating func apply(_ event: CallEvent, at offset: Int64) -> [CallOutput] {
        if self.callSid.isEmpty { self = CallState(callSid: event.callSid) }
        guard offset > self.appliedOffset, event.callSid == self.callSid else { return [] }
        self.appliedOffset = offset
        guard let body = event.body, !self.fences(event, body) else { return [] }

        switch body {
        case .requested(let request): return self.requested(request, atUs: event.occurredAtUs)
        case .statusChanged(let change): return self.statusChanged(change, atUs: event.occurredAtUs)
        case .streamStarted(let stream): self.streamStarted(stream, atUs: event.occurredAtUs)
        case .sessionClaimed: self.sessionEpoch = max(self.sessionEpoch, offset)
        case .speechStarted(let speech): self.speechStarted(speech)
        case .speechStopped(let speech): self.speechStopped(speech, atUs: event.occurredAtUs)
        case .utterance(let utterance): self.record(utterance)
        case .toolRequested(let request): return self.toolRequested(request.call)
        case .toolCompleted(let completed): return self.toolCompleted(completed)
        case .responseDone(let response): self.responseDone(response)
        case .replyProgressed(let reply): self.replyProgressed(reply)
        case .transcriptionDone(let done): self.transcriptionDone(done)
        case .agentChanged(let change): self.agentChanged(change.handoff)
        case .errorOccurred(let error): return self.errorOccurred(error)
        case .endRequested(let end): return self.endRequested(end)
        case .timerFired(let fired): self.timerFired(fired)
        case .streamStopped, .sessionReady, .toolStarted, .machineDetected, .dtmfReceived, .sessionEnded,
            .handoffRequested, .streamStatusChanged, .telephonyCompleted, .turnMeasured:
            break
        }
        return []
    }

    /// Whether a session that has lost the call wrote this.
    private func fences(_ event: CallEvent, _ body: CallEvent.OneOf_Body) -> Bool {
        switch body {
        case .sessionReady, .speechStarted, .speechStopped, .utterance, .toolRequested, .responseDone, .agentChanged,
            .sessionEnded, .replyProgressed, .turnMeasured, .transcriptionDone:
            event.sessionEpoch < self.sessionEpoch
        case .errorOccurred:
            // Also other stages write it, without an epoch.
            event.sessionEpoch > 0 && event.sessionEpoch < self.sessionEpoch
        case .requested, .statusChanged, .streamStarted, .streamStopped, .sessionClaimed, .toolStarted, .toolCompleted,
            .machineDetected, .dtmfReceived, .timerFired, .endRequested, .handoffRequested, .streamStatusChanged,
            .telephonyCompleted:
            false
        }
    }

    private mutating func requested(_ request: CallRequested, atUs: Int64) -> [CallOutput] {
        guard !self.hasRequest else { return [] }
        self.request = request
        self.requestedAtUs = atUs
        if self.phase == .unspecified { self.phase = .requested }
        let agent = Agent.mainConcierge
        self.agent = agent.name
        // The call may be over already: a busy line's callbacks can overtake the request.
        guard self.phase != .ended else { return [] }
        self.session = .with {
            $0.agent = agent.session(for: request)
            $0.audioPath = request.audioPath
            $0.safetyIdentifier = SafetyIdentifier.of(request.userID)
        }
        let start = CallOutput.command(
            .with {
                $0.commandID = CallID.start(self.callSid)
                $0.callSid = self.callSid
                $0.startSession = self.session
            }
        )
        return [start]
    }

    private mutating func streamStarted(_ stream: StreamStarted, atUs: Int64) {
        guard stream.streamEpoch > self.streamEpoch else { return }
        self.streamEpoch = stream.streamEpoch
        self.outboundPartition = stream.outboundPartition
        self.answered(atUs: atUs)
    }

    private mutating func responseDone(_ response: ResponseDone) {
        guard self.count(response.responseID, nanodollars: response.costNanodollars) else { return }
        self.usage = self.usage + response.usage
        if self.hasReplyInProgress, self.replyInProgress.responseID == response.responseID {
            self.clearReplyInProgress()
        }
        if response.status == "completed", response.hasHeardThrough {
            self.answeredThrough = max(self.answeredThrough, response.heardThrough)
        }
    }

    private mutating func transcriptionDone(_ done: TranscriptionDone) {
        _ = self.count("transcription/\(done.itemID)", nanodollars: done.costNanodollars)
    }

    /// - Returns: false when it was counted before.
    private mutating func count(_ id: String, nanodollars: Int64) -> Bool {
        guard !self.countedResponses.contains(id) else { return false }
        self.countedResponses.append(id)
        if self.countedResponses.count > 128 { self.countedResponses.removeFirst() }
        self.costNanodollars &+= max(0, nanodollars)
        return true
    }

    private mutating func agentChanged(_ handoff: Handoff) {
        guard !handoff.toAgent.isEmpty, !self.handoffs.contains(handoff) else { return }
        self.handoffs.append(handoff)
        self.agent = handoff.toAgent
    }

    /// The session says goodbye to a person who has not spoken for long, and hangs up: should it die meanwhile, the next
    /// owner only hangs up.
    private mutating func timerFired(_ fired: TimerFired) {
        guard fired.timer == TimerFired.idleGoodbye, self.phase != .ended else { return }
        self.ending = true
        if self.endReason.isEmpty { self.endReason = "idle" }
    }

    /// A call that cannot go on is hung up: nobody would speak to the person any more.
    private mutating func errorOccurred(_ error: ErrorOccurred) -> [CallOutput] {
        error.fatal ? self.hangUp(reason: error.code, apology: Self.apology) : []
    }

    /// Whoever was asked hangs up at once; should it have died before that, this makes sure.
    private mutating func endRequested(_ end: EndRequested) -> [CallOutput] {
        self.hangUp(reason: end.reason.isEmpty ? "end_requested" : end.reason)
    }

    private static let apology = "I am sorry, we have a technical problem and cannot go on with this call. Goodbye."

    /// Ends the call without a goodbye of the agent's.
    private mutating func hangUp(reason: String, apology: String = "") -> [CallOutput] {
        guard self.phase != .ended, self.endReason != reason else { return [] }
        self.ending = true
        self.endReason = reason
        return [
            .telephony(
                .with {
                    $0.commandID = CallID.hangUp(self.callSid)
                    $0.callSid = self.callSid
                    $0.hangUp.reason = reason
                    $0.hangUp.apology = apology
                }
            )
        ]
    }
}

extension AudioPosition: Comparable {
    package static func < (left: AudioPosition, right: AudioPosition) -> Bool {
        (left.streamEpoch, left.sequence) < (right.streamEpoch, right.sequence)
    }
}

extension Usage {
    fileprivate static func + (left: Usage, right: Usage) -> Usage {
        .with {
            $0.inputTextTokens = left.inputTextTokens &+ right.inputTextTokens
            $0.inputAudioTokens = left.inputAudioTokens &+ right.inputAudioTokens
            $0.cachedTextTokens = left.cachedTextTokens &+ right.cachedTextTokens
            $0.cachedAudioTokens = left.cachedAudioTokens &+ right.cachedAudioTokens
            $0.outputTextTokens = left.outputTextTokens &+ right.outputTextTokens
            $0.outputAudioTokens = left.outputAudioTokens &+ right.outputAudioTokens
        }
    }
}
