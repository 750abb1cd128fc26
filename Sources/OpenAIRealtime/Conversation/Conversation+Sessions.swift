import CallEvents

// The model's session comes and goes; the conversation stays.
extension Conversation {
    /// The socket broke, or never came about. The conversation goes on in the next session.
    package mutating func socketLost(_ reason: String, atUs: Int64) -> [ConversationAction] {
        guard self.phase != .ended else { return [] }
        let wasReady = self.phase == .ready
        self.phase = .connecting
        guard wasReady else { return [.connect] }
        let forgotten = self.forgetSession(atUs: atUs, answeredBeforeUs: atUs) + self.hangUpWhenPlayed(atUs: atUs)
        let lost = self.error("realtime_connection_lost", reason, fatal: false, id: "lost/\(atUs)", atUs: atUs)
        guard !self.outbound.hasHungUp else { return forgotten + [lost] }
        return forgotten + [lost] + (self.standbyIsReady ? self.switchToStandby(atUs: atUs) : [.connect])
    }

    /// The present session of the model is gone: what was under way in it is not.
    /// - Parameter answeredBeforeUs: turns that began before this time may have an answer on its way to the phone, which
    ///   the next one's replaces.
    mutating func forgetSession(atUs: Int64, answeredBeforeUs: Int64) -> [ConversationAction] {
        self.session = nil
        self.isRestored = true
        let cut = self.cutReplyShort(atUs: atUs)
        self.gate.sessionLost(hasBegun: self.cutReply != nil)
        self.inbound.sessionLost(repeatedBeforeUs: answeredBeforeUs)
        self.outbound.sessionLost()
        self.toldReplies = []
        self.turnEnd = nil
        self.turnEndedAtUs = nil
        self.idle = IdlePerson(prompts: self.idle.prompts)
        return cut
    }

    package mutating func timerFired(_ timer: ConversationTimer) -> [ConversationAction] {
        switch timer {
        case .retryResponse: self.gate.retry()
        case .expectAnswer: self.gate.stopExpecting()
        case .renewSession(let id): return self.renewalIsDue(of: id)
        case .toolTimeout(let callID): return self.toolIsLate(callID)
        }
        return self.askForResponse()
    }

    /// The model has our configuration: it is told the history, then it gets the audio that waits.
    mutating func configured(_ session: ModelSession, atUs: Int64) -> [ConversationAction] {
        guard self.phase == .configuring else { return [] }
        // Audio in another format is noise, on the phone and to the model: no other session would be different.
        guard session.speaks(self.codec) else { return self.refused("audio_format", atUs: atUs) }
        self.phase = .ready
        self.session = session
        var ready = SessionReady()
        ready.realtimeSessionID = session.id
        ready.model = session.model
        ready.expiresAt = Int64(session.expiresAt)
        ready.restored = self.isRestored
        var actions = [self.publish("session-ready", session.id, .sessionReady(ready), atUs)]
        actions.append(self.scheduleRenewal(of: session, atUs: atUs))
        actions += self.tellHistory()
        self.goOnWithReply()
        self.giveAudio(&actions)
        actions += self.open() + self.awaitUnfinishedTools()
        if self.gate.awaitsAnswer { actions.append(.schedule(.expectAnswer, after: Self.answerPatience)) }
        return actions + self.askForResponse()
    }

    /// Everything that was said, as text, except turns whose words nobody knows: the model gets them as audio again.
    private mutating func tellHistory() -> [ConversationAction] {
        var actions: [ConversationAction] = []
        var unanswered: [Utterance] = []
        var tools: [ToolExchange] = []
        for item in self.history.items {
            switch item.item {
            case .utterance(let utterance) where utterance.speaker == .agent:
                // Whatever the positions say: this was said after it.
                actions += unanswered.compactMap { self.tellPerson($0) }
                unanswered = []
                tools.removeAll(where: \.completed)
                let text = utterance.heardText
                if !text.isEmpty { actions.append(self.tell(.agentText(itemID: utterance.seedID, text))) }
            case .utterance(let utterance):
                if self.isAnswered(utterance) {
                    actions += self.tellPerson(utterance).map { [$0] } ?? []
                } else {
                    unanswered.append(utterance)
                }
            case .tool(let exchange):
                tools.append(exchange)
                actions += self.tell(exchange)
            case nil: break
            }
        }
        actions += self.tell(unanswered)
        self.resume(tools)
        return actions
    }

    private func isAnswered(_ utterance: Utterance) -> Bool {
        guard utterance.hasHeardThrough else { return true }
        guard let answeredThrough = self.inbound.answeredThrough else { return false }
        return InboundPosition(utterance.heardThrough) <= answeredThrough
    }

    /// Turns without an answer: as text where it is known, since a turn that is heard again is transcribed again and would
    /// be in the transcript twice; else as audio where it is at hand.
    private mutating func tell(_ unanswered: [Utterance]) -> [ConversationAction] {
        let known = unanswered.prefix { !$0.text.isEmpty }
        if let last = known.last { self.goOn(after: last) }
        let told = known.compactMap { self.tellPerson($0) }
        if let last = unanswered.dropFirst(known.count).last {
            if self.inbound.holds(through: InboundPosition(last.heardThrough)) {
                self.gate.expectAnswer()
                return told
            }
            self.goOn(after: last)
        }
        guard !told.isEmpty else { return [] }
        self.answersAgain = true
        self.gate.respond()
        return told
    }

    /// The audio of this turn, and of those before it, is not needed again.
    private mutating func goOn(after utterance: Utterance) {
        self.turnEnd = InboundPosition(utterance.heardThrough)
        self.inbound.answered(through: InboundPosition(utterance.heardThrough))
    }

    private mutating func tellPerson(_ utterance: Utterance) -> ConversationAction? {
        utterance.text.isEmpty ? nil : self.tell(.personText(itemID: utterance.seedID, utterance.text))
    }

    private mutating func tell(_ exchange: ToolExchange) -> [ConversationAction] {
        let call = exchange.call
        let item = ModelCommand.Item.toolCall(
            itemID: call.itemID.asSeedID,
            callID: call.toolCallID,
            name: call.name,
            arguments: call.arguments
        )
        guard exchange.completed else { return [self.tell(item)] }
        let output = ModelCommand.Item.toolOutput(
            itemID: self.newOutputID(),
            callID: call.toolCallID,
            output: exchange.output
        )
        return [self.tell(item), self.tell(output)]
    }

    /// Tool calls that the agent has not spoken about: it does when all their outputs are in.
    private mutating func resume(_ tools: [ToolExchange]) {
        guard !tools.isEmpty else { return }
        let waiting = tools.filter { !$0.completed }.map(\.call.toolCallID)
        if waiting.isEmpty {
            self.answersAgain = true
            self.gate.respond()
        } else {
            self.gate.requested(waiting)
        }
    }

    private mutating func tell(_ item: ModelCommand.Item) -> ConversationAction {
        if case .agentText(let itemID?, _) = item { self.toldReplies.insert(itemID) }
        return .send(.add(item, after: nil))
    }
}

extension Utterance {
    fileprivate var seedID: String? { self.itemID.asSeedID }
}

extension String {
    /// An item's id, if a new session can give it to the item again; nil lets it choose one.
    fileprivate var asSeedID: String? { self.isEmpty || self.utf8.count > 32 ? nil : self }
}

extension ModelSession {
    /// What the service does not say is what it was asked for.
    fileprivate func speaks(_ codec: AudioFrame.Codec) -> Bool {
        let format: ClientEvent.AudioFormat = codec == .pcmu ? .pcmu : .pcm24k
        return [self.inputFormat, self.outputFormat].allSatisfy { $0 ?? format.rawValue == format.rawValue }
    }
}
