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
        guard let body = event.body, !self.fences(event) else { return [] }

        var outputs = self.apply(body, event)
        outputs += self.windDownWhenDear(atUs: event.occurredAtUs) + self.writeTranscripts()
        self.dropOldUtterances()
        return outputs
    }

    private mutating func apply(_ body: CallEvent.OneOf_Body, _ event: CallEvent) -> [CallOutput] {
        switch body {
        case .requested(let request): return self.requested(request, atUs: event.occurredAtUs)
        case .callPlanned(let plan): return self.planned(plan)
        case .statusChanged(let change): return self.statusChanged(change, atUs: event.occurredAtUs)
        case .streamStarted(let stream): self.streamStarted(stream, atUs: event.occurredAtUs)
        case .sessionClaimed: self.sessionEpoch = max(self.sessionEpoch, self.appliedOffset)
        case .speechStarted(let speech): self.speechStarted(speech)
        case .speechStopped(let speech): self.speechStopped(speech, atUs: event.occurredAtUs)
        case .utterance(let utterance): self.record(utterance)
        case .toolRequested(let request): return self.toolRequested(request.call)
        case .toolStarted(let started): return self.toolStarted(started, atUs: event.occurredAtUs)
        case .toolCompleted(let completed): return self.toolCompleted(completed, atUs: event.occurredAtUs)
        case .responseDone(let response): self.responseDone(response)
        case .replyProgressed(let reply): self.replyProgressed(reply)
        case .transcriptionDone(let done): self.transcriptionDone(done)
        case .turnMeasured(let turn): self.turnMeasured(turn)
        case .handoffRequested(let request): return self.handoffRequested(request, id: event.eventID)
        case .agentChanged(let change): return self.agentChanged(change, id: event.eventID)
        case .handoffRefused: self.handoffIsDecided(event.eventID)
        case .machineDetected(let machine): return self.machineDetected(machine)
        case .errorOccurred(let error): return self.errorOccurred(error)
        case .endRequested(let end): return self.endRequested(end)
        case .timerFired(let fired): return self.timerFired(fired, atUs: event.occurredAtUs)
        case .streamStopped, .sessionReady, .dtmfReceived, .sessionEnded, .streamStatusChanged, .telephonyCompleted:
            break
        }
        return []
    }

    /// Whether a session that has lost the call wrote this.
    package func fences(_ event: CallEvent) -> Bool {
        switch event.body {
        case .sessionReady, .speechStarted, .speechStopped, .utterance, .toolRequested, .responseDone, .sessionEnded,
            .replyProgressed, .turnMeasured, .transcriptionDone:
            event.sessionEpoch < self.sessionEpoch
        case .errorOccurred:
            // Also other stages write it, without an epoch.
            event.sessionEpoch > 0 && event.sessionEpoch < self.sessionEpoch
        case .requested, .statusChanged, .streamStarted, .streamStopped, .sessionClaimed, .toolStarted, .toolCompleted,
            .machineDetected, .dtmfReceived, .timerFired, .endRequested, .handoffRequested, .streamStatusChanged,
            .telephonyCompleted, .callPlanned, .agentChanged, .handoffRefused, nil:
            false
        }
    }

    private mutating func requested(_ request: CallRequested, atUs: Int64) -> [CallOutput] {
        guard !self.hasRequest else { return [] }
        self.request = request
        self.requestedAtUs = atUs
        if self.phase == .unspecified { self.phase = .requested }
        // The call may be over already: a busy line's callbacks can overtake the request.
        return self.phase == .ended ? [] : [.effect(.plan)]
    }

    private mutating func planned(_ plan: CallPlanned) -> [CallOutput] {
        guard self.hasRequest, self.agent.isEmpty else { return [] }
        self.agent = plan.agent.agent
        self.limits = plan.limits
        guard self.phase != .ended else { return [] }
        self.session = .with {
            $0.agent = plan.agent
            $0.audioPath = self.request.audioPath
            $0.safetyIdentifier = SafetyIdentifier.of(self.request.userID)
        }
        return [self.command(CallID.start(self.callSid)) { $0.startSession = self.session }]
    }

    /// What was asked for and not answered yet: whoever takes the call over has it done.
    package var pendingEffects: [CallEffect] {
        guard self.hasRequest, self.phase != .ended || self.isPlanned else { return [] }
        return (self.isPlanned ? [] : [.plan])
            + self.unfinishedTools.map { tool in
                // Begun by whoever had the call before: it may have run.
                tool.startedAtUs > 0 && !tool.started.repeatable
                    ? .giveUpTool(tool.call, mayRepeat: false) : .runTool(tool.call)
            } + self.pendingHandoffs.filter { !$0.decided }.map { .handOver($0) }
    }

    private var isPlanned: Bool { !self.agent.isEmpty }

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
    mutating func hangUp(reason: String, apology: String = "") -> [CallOutput] {
        guard self.phase != .ended, self.endReason != reason else { return [] }
        self.ending = true
        self.endReason = reason
        return [
            self.telephony(CallID.hangUp(self.callSid)) {
                $0.hangUp.reason = reason
                $0.hangUp.apology = apology
            }
        ]
    }

    // MARK: What all parts need

    /// A command to the session of this call.
    func command(_ id: String, _ change: (inout CallCommand) -> Void) -> CallOutput {
        var command = CallCommand()
        command.commandID = id
        command.callSid = self.callSid
        change(&command)
        return .command(command)
    }

    /// A command about this call's line.
    func telephony(_ id: String, _ change: (inout TelephonyCommand) -> Void) -> CallOutput {
        var command = TelephonyCommand()
        command.commandID = id
        command.callSid = self.callSid
        change(&command)
        return .telephony(command)
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
