import CallEvents
import NIOCore

// What the model says.
extension Conversation {
    package mutating func received(_ event: ModelEvent, atUs: Int64) -> [ConversationAction] {
        guard self.phase != .ended else { return [] }
        switch event {
        case .opened:
            self.phase = .configuring
            return [.send(.configure(self.agent, format: self.codec))]
        case .configured(let session): return self.configured(session, atUs: atUs)
        case .itemAdded(let itemID, let previous, let kind):
            self.history.added(itemID, after: previous, isHidden: kind == .hidden)
            self.gate.confirmed(itemID: itemID)
            return []
        case .speechStarted(let itemID, let startMs):
            return self.speechStarted(itemID, startMs: startMs, atUs: atUs)
        case .speechStopped(let itemID): return self.speechStopped(itemID, atUs: atUs)
        case .turnCommitted(let itemID, let previous):
            self.history.added(itemID, after: previous, isHidden: false)
            return []
        case .personTranscriptDelta(let itemID, let text):
            if self.personPartial.itemID != itemID { self.personPartial = Partial(itemID: itemID) }
            self.personPartial.text += text
            return [self.show(itemID, .person, self.personPartial.text, atUs)]
        case .personTranscript(let itemID, let text, let usage):
            return self.transcribed(itemID, usage, atUs: atUs) + self.personSaid(itemID, text, atUs: atUs)
        case .personTranscriptFailed(let itemID):
            return [self.error("transcription_failed", "", fatal: false, id: itemID, atUs: atUs)]
        case .responseStarted(let id): return self.responseStarted(id)
        case .audio(let responseID, let itemID, let contentIndex, let audio):
            return self.received(audio, of: itemID, contentIndex, in: responseID, atUs: atUs)
        case .audioEnded(let responseID, let itemID): return self.audioEnded(itemID, of: responseID, atUs: atUs)
        case .agentTranscriptDelta(let responseID, let itemID, let text):
            self.replyContinues(itemID, of: responseID, text: text, atUs: atUs)
            let soFar = self.history.replies[itemID]?.utterance.text ?? text
            return self.publishProgress(of: itemID, atUs: atUs) + [self.show(itemID, .agent, soFar, atUs)]
        case .agentTranscript(let responseID, let itemID, let text):
            self.replyContinues(itemID, of: responseID, atUs: atUs)
            self.history.replyTextIsFinal(itemID, text)
            return self.publishReply(itemID, atUs: atUs)
        case .responseEnded(let response): return self.responseEnded(response, atUs: atUs)
        case .failed(let failure): return self.failed(failure, atUs: atUs)
        case .limits, .other: return []
        }
    }

    // MARK: Turns

    /// Barge-in: what the phone still has of the agent's words is stopped first of all, then the model is told how far
    /// each item was heard.
    private mutating func speechStarted(_ itemID: String, startMs: Int, atUs: Int64) -> [ConversationAction] {
        self.inbound.speechStarted()
        self.history.personStarted(itemID, atUs: atUs)
        if startMs < self.inbound.repeatedMs { self.answersAgain = true }
        self.idle.personSpoke()
        self.openingIsDue = false
        self.gate.speechStarted(interrupts: self.agent.mayBeInterrupted)

        var started = SpeechStarted()
        started.itemID = itemID
        var actions: [ConversationAction] = []
        var replies: [ConversationAction] = []
        // A goodbye is never cut.
        if self.agent.mayBeInterrupted, !self.outbound.hasHungUp, let cut = self.outbound.cut(atUs: atUs) {
            actions.append(.clear(cut.clear))
            self.answersAgain = false
            for item in cut.items {
                actions += self.truncate(item)
                self.history.replyIsCut(item.itemID, playedMs: item.playedMs, audioMs: item.audioMs)
                replies += self.publishReply(item.itemID, atUs: atUs)
            }
            if let first = cut.items.first {
                started.interruptedItemID = first.itemID
                started.playedMs = UInt32(clamping: first.playedMs)
            }
        }
        actions += self.publishCutReply(atUs: atUs)
        actions.append(self.publish("speech-started", itemID, .speechStarted(started), atUs))
        return actions + replies
    }

    private func truncate(_ item: OutboundAudio.CutItem) -> [ConversationAction] {
        guard item.isText else {
            let playedMs = item.playedMs
            return [.send(.truncate(itemID: item.itemID, contentIndex: item.contentIndex, playedMs: playedMs))]
        }
        // Text cannot be truncated: it is replaced.
        guard self.toldReplies.contains(item.itemID),
            var heard = self.history.utterance(item.itemID)
        else { return [] }
        heard.interrupted = true
        heard.playedMs = UInt32(clamping: item.playedMs)
        heard.audioMs = UInt32(clamping: item.audioMs)
        let text = heard.heardText
        let replacement = ModelCommand.add(.agentText(itemID: nil, text), after: item.itemID)
        return (text.isEmpty ? [] : [.send(replacement)]) + [.send(.remove(itemID: item.itemID))]
    }

    private mutating func speechStopped(_ itemID: String, atUs: Int64) -> [ConversationAction] {
        self.gate.speechStopped(isAnswered: self.agent.isAnsweredByItself)
        self.turnEnd = self.inbound.turnEnded()
        self.turnEndedAtUs = atUs
        self.history.personStopped(itemID, heardThrough: self.turnEnd, atUs: atUs)
        var stopped = SpeechStopped()
        stopped.itemID = itemID
        if let turnEnd { stopped.heardThrough = turnEnd.message }
        return [self.publish("speech-stopped", itemID, .speechStopped(stopped), atUs)]
            + (self.agent.isAnsweredByItself ? [] : self.askForResponse())
    }

    private mutating func personSaid(_ itemID: String, _ text: String, atUs: Int64) -> [ConversationAction] {
        let utterance = self.history.personSaid(itemID, text, atUs: atUs)
        guard !text.isEmpty else { return [] }
        return [self.publish("utterance", itemID, .utterance(utterance), atUs)]
    }

    // MARK: Replies

    private mutating func responseStarted(_ id: String) -> [ConversationAction] {
        self.gate.started(id, heardThrough: self.turnEnd)
        // It crossed the person's first word on its way: they are not spoken over.
        return self.gate.personSpeaks ? [.send(.cancelResponse(responseID: id))] : []
    }

    private mutating func received(
        _ audio: ByteBuffer,
        of itemID: String,
        _ contentIndex: Int,
        in responseID: String,
        atUs: Int64
    ) -> [ConversationAction] {
        guard let active = self.gate.active, active.id == responseID, !active.isCut, !self.outbound.hasHungUp else {
            return []
        }
        var actions: [ConversationAction] = []
        if active.firstAudioMs == nil {
            let sinceTurn = self.turnEndedAtUs.map { Int(clamping: max(0, atUs - $0) / 1000) }
            self.gate.firstAudio(afterMs: sinceTurn ?? 0)
            if let endedAtUs = self.turnEndedAtUs {
                self.turnClock.answered(in: responseID, by: itemID, endedAtUs: endedAtUs, atUs: atUs)
            }
            self.turnEndedAtUs = nil
            if self.answersAgain { actions.append(.clear(self.outbound.clear(atUs: atUs))) }
            self.answersAgain = false
            actions += self.publishCutReply(atUs: atUs)
        }
        self.replyContinues(itemID, of: responseID, atUs: atUs)
        self.history.replyHasAudio(itemID)
        let frames = self.outbound.add(audio, itemID: itemID, contentIndex: contentIndex, atUs: atUs)
        return actions + self.publishProgress(of: itemID, atUs: atUs) + frames.map { .play($0) }
    }

    private mutating func audioEnded(_ itemID: String, of responseID: String, atUs: Int64) -> [ConversationAction] {
        guard let active = self.gate.active, active.id == responseID, !active.isCut else { return [] }
        return self.endAudio(of: itemID, atUs: atUs)
    }

    private mutating func endAudio(of itemID: String, atUs: Int64) -> [ConversationAction] {
        guard self.history.replies[itemID]?.audioIsEnded == false else { return [] }
        self.history.replyAudioIsEnded(itemID, audioMs: self.outbound.audioMs(of: itemID) ?? 0)
        let frames = self.outbound.end(itemID, atUs: atUs)
        return frames.map { .play($0) } + self.publishReply(itemID, atUs: atUs)
    }

    private mutating func replyContinues(_ itemID: String, of responseID: String, text: String = "", atUs: Int64) {
        self.history.replyContinues(
            itemID,
            of: responseID,
            agent: self.agent.agent,
            heardThrough: self.gate.active?.id == responseID ? self.gate.active?.heardThrough : nil,
            atUs: atUs,
            text: text
        )
    }

    private mutating func publishReply(_ itemID: String, atUs: Int64) -> [ConversationAction] {
        guard let utterance = self.history.replyToPublish(itemID) else { return [] }
        let kind = utterance.interrupted ? "utterance-interrupted" : "utterance"
        return [self.publish(kind, itemID, .utterance(utterance), atUs)]
    }

    private mutating func responseEnded(_ response: ModelResponse, atUs: Int64) -> [ConversationAction] {
        let active = self.gate.active?.id == response.id ? self.gate.active : nil
        self.gate.ended(response.id)
        var actions: [ConversationAction] = []
        for item in response.spoken where self.history.replies[item.itemID] != nil {
            self.history.replyTextIsFinal(item.itemID, item.text)
        }
        for itemID in self.history.openReplies(of: response.id) {
            self.history.replyTextIsFinal(itemID, "")
            actions += self.endAudio(of: itemID, atUs: atUs) + self.publishReply(itemID, atUs: atUs)
        }
        self.history.forgetUnheardReplies(of: response.id)

        var callIDs: [String] = []
        if response.status == .completed {
            for call in response.toolCalls {
                actions += self.request(call, in: response.id, atUs: atUs)
                callIDs.append(call.callID)
            }
        }
        self.gate.requested(callIDs)
        actions.append(self.done(response, active: active, toolCalls: callIDs.count, atUs: atUs))
        if let heardThrough = active?.heardThrough, self.answers(response) {
            self.inbound.answered(through: heardThrough)
        }
        if case .finish? = active?.request {
            // Said as text, which nobody has heard and the model need not remember.
            actions += response.spoken.map { .send(.remove(itemID: $0.itemID)) }
        }
        return actions + self.next(after: response, active: active, atUs: atUs)
    }

    /// Whether the person has got an answer: a response that failed, or was cut before anything was heard, is none.
    private func answers(_ response: ModelResponse) -> Bool {
        switch response.status {
        case .completed, .incomplete: true
        case .cancelled: response.spoken.contains { self.history.playedMs(of: $0.itemID) > 0 }
        case .failed: false
        }
    }

    private func done(
        _ response: ModelResponse,
        active: ResponseGate.Active?,
        toolCalls: Int,
        atUs: Int64
    ) -> ConversationAction {
        var done = ResponseDone()
        done.responseID = response.id
        done.status = response.status.rawValue
        if let usage = response.usage {
            done.usage = Usage(usage)
            done.costNanodollars = self.policy.prices.nanodollars(usage, model: self.session?.model ?? "")
        }
        if let heardThrough = active?.heardThrough { done.heardThrough = heardThrough.message }
        done.firstAudioMs = UInt32(clamping: active?.firstAudioMs ?? 0)
        done.toolCalls = UInt32(clamping: toolCalls)
        done.spokenItems = UInt32(clamping: response.spoken.count)
        return self.publish("response-done", response.id, .responseDone(done), atUs)
    }

    private mutating func next(
        after response: ModelResponse,
        active: ResponseGate.Active?,
        atUs: Int64
    ) -> [ConversationAction] {
        if active?.request == .say(Self.idleGoodbye), response.status != .failed { self.isEnding = true }
        if self.isEnding { return self.hangUpWhenPlayed(atUs: atUs) }
        guard response.status == .failed else {
            self.failedResponses = 0
            return self.askForResponse()
        }
        if let failure = response.failure, failure.kind == .fatal { return self.failed(failure, atUs: atUs) }
        self.failedResponses += 1
        let code = response.failure?.code ?? "unknown"
        guard self.failedResponses < Self.maxResponseAttempts else {
            return [self.error("realtime_response_failed", code, fatal: true, id: response.id, atUs: atUs)]
                + self.ended(reason: "realtime_response_failed", atUs: atUs)
        }
        _ = self.gate.failed(active)
        let delay = Duration.milliseconds(250 << self.failedResponses)
        return [
            self.error("realtime_response_failed", code, fatal: false, id: response.id, atUs: atUs),
            .schedule(.retryResponse, after: delay),
        ]
    }

    // MARK: Errors

    private mutating func failed(_ failure: ModelFailure, atUs: Int64) -> [ConversationAction] {
        switch failure.kind {
        case .harmless: return []
        case .responseAlreadyActive:
            self.gate.refused()
            return self.askForResponse()
        case .fault:
            let id = "\(atUs)"
            return [self.error("realtime_fault", failure.code, fatal: false, id: id, atUs: atUs)]
        case .fatal: return self.refused(failure.code, atUs: atUs)
        case .expired: return self.socketLost("session_expired", atUs: atUs)
        case .load:
            let overloaded = self.error("realtime_overloaded", failure.code, fatal: false, id: "\(atUs)", atUs: atUs)
            let isDueLater = self.gate.failed(nil)
            return [overloaded] + (isDueLater ? [.schedule(.retryResponse, after: .seconds(1))] : [])
        }
    }

    /// The service will not serve this account or model: no other attempt is made.
    package mutating func refused(_ code: String, atUs: Int64) -> [ConversationAction] {
        guard self.phase != .ended else { return [] }
        return [self.error("realtime_refused", code, fatal: true, id: "refused", atUs: atUs)]
            + self.ended(reason: "realtime_refused", atUs: atUs)
    }

    private func show(_ itemID: String, _ speaker: Speaker, _ text: String, _ atUs: Int64) -> ConversationAction {
        var partial = PartialTranscript()
        partial.itemID = itemID
        partial.speaker = speaker
        partial.text = text
        var update = LiveUpdate()
        update.callSid = self.owner.callSid
        update.atUs = atUs
        update.partial = partial
        return .show(update)
    }
}

extension Usage {
    init(_ usage: TokenUsage) {
        self.init()
        self.inputTextTokens = UInt64(usage.inputText)
        self.inputAudioTokens = UInt64(usage.inputAudio)
        self.cachedTextTokens = UInt64(usage.cachedText)
        self.cachedAudioTokens = UInt64(usage.cachedAudio)
        self.outputTextTokens = UInt64(usage.outputText)
        self.outputAudioTokens = UInt64(usage.outputAudio)
    }
}
