import CallEvents

/// How long nobody has spoken, and how often the person was asked whether they are still there.
struct IdlePerson: Equatable, Sendable {
    /// Since when nobody has spoken or was about to; nil while somebody is.
    var quietSinceUs: Int64?
    var prompts = 0

    mutating func personSpoke() { self = IdlePerson() }
}

/// From the end of the person's speech to the answer that they hear.
struct TurnClock: Equatable, Sendable {
    struct Answer: Equatable, Sendable {
        var responseID: String
        var itemID: String
        var endedAtUs: Int64
        var firstAudioAtUs: Int64
    }

    private var answer: Answer?

    /// The model's first audio came.
    mutating func answered(in responseID: String, by itemID: String, endedAtUs: Int64, atUs: Int64) {
        self.answer = Answer(responseID: responseID, itemID: itemID, endedAtUs: endedAtUs, firstAudioAtUs: atUs)
    }

    /// The phone plays: the first time that it plays the answer, what the person has waited.
    mutating func heard(_ playout: AudioFrame.Playout, atUs: Int64) -> TurnMeasured? {
        guard let answer = self.answer, answer.itemID == playout.itemID, playout.playedMs > 0 else { return nil }
        self.answer = nil
        var measured = TurnMeasured()
        measured.responseID = answer.responseID
        measured.firstAudioMs = UInt32(clamping: (answer.firstAudioAtUs - answer.endedAtUs) / 1000)
        measured.firstPlayedMs = UInt32(clamping: (atUs - answer.endedAtUs) / 1000 - Int64(playout.playedMs))
        return measured
    }
}

// When the agent speaks without being spoken to.
extension Conversation {
    static let idleGoodbye = """
        # Now
        Nobody has answered for a long time. Say goodbye in one short, friendly sentence: you will hang up after it.
        """
    private static let idlePrompt = """
        # Now
        Nobody has spoken for a while. Ask in a few words whether they are still there.
        """
    private static let idlePrompts = 2
    private static let aliveIntervalUs: Int64 = 1_000_000

    // MARK: The first line

    /// An agent has not said its first line when nothing that it said came after it was given the call.
    static func openingIsDue(in state: CallState) -> Bool {
        guard !state.session.agent.opening.isEmpty, !state.hasReplyInProgress else { return false }
        let sinceUs = state.handoffs.last?.atUs ?? 0
        return !state.conversation.contains { item in
            item.utterance.speaker == .agent && item.utterance.startedAtUs >= sinceUs
        }
    }

    /// As soon as the model listens and the person can hear it.
    mutating func open() -> [ConversationAction] {
        guard self.openingIsDue, self.phase == .ready, self.outbound.target != nil else { return [] }
        self.openingIsDue = false
        self.gate.open(self.agent.opening)
        return self.askForResponse()
    }

    /// The next agent has the conversation: the model is told who it is now, gets the output of the tool that led here, and
    /// speaks once, whether it has an opening line or only the output to go on from.
    mutating func handedOver(_ update: UpdateSession) -> [ConversationAction] {
        let command = ModelCommand.update(update.agent, after: self.agent)
        self.agent = update.agent
        self.openingIsDue = !update.agent.opening.isEmpty
        let output = update.hasToolResult ? self.toolAnswered(update.toolResult) : []
        return (self.phase == .ready ? [.send(command)] : []) + output + self.open() + self.askForResponse()
    }

    // MARK: Silence

    /// Each frame of the person tells the time.
    mutating func promptWhenIdle(atUs: Int64) -> [ConversationAction] {
        guard self.phase == .ready, !self.isEnding, self.gate.isSilent, self.outbound.isPlayed else {
            self.idle.quietSinceUs = nil
            return []
        }
        let idle = self.agent.settings.idle
        guard idle.seconds > 0 else {
            self.idle.quietSinceUs = nil
            return []
        }
        guard let sinceUs = self.idle.quietSinceUs else {
            self.idle.quietSinceUs = atUs
            return []
        }
        guard atUs - sinceUs >= Int64(idle.seconds) * 1_000_000 else { return [] }
        self.idle.quietSinceUs = nil
        let isLast = self.idle.prompts >= (idle.prompts > 0 ? Int(idle.prompts) : Self.idlePrompts)
        self.idle.prompts += 1
        self.gate.say(isLast ? Self.idleGoodbye : idle.prompt.isEmpty ? Self.idlePrompt : idle.prompt)
        var fired = TimerFired()
        fired.timer = isLast ? TimerFired.idleGoodbye : TimerFired.idlePrompt
        let id = "\(self.owner.sessionEpoch)/\(atUs)"
        return [self.publish("timer-fired", id, .timerFired(fired), atUs)] + self.askForResponse()
    }

    // MARK: Presence

    /// Tells the phone's ingress that the model listens, with the first frame of the person in each second of the clock:
    /// all calls tell it in the same 20 ms, so that little has to be sent.
    mutating func beAlive(atUs: Int64) -> [ConversationAction] {
        guard self.phase == .ready else { return [] }
        let second = atUs / Self.aliveIntervalUs * Self.aliveIntervalUs
        if let aliveAtUs, (second...atUs).contains(aliveAtUs) { return [] }
        self.aliveAtUs = atUs
        return [.alive(self.outbound.alive(atUs: atUs))]
    }

    // MARK: Latency

    mutating func turnIsHeard(_ playout: AudioFrame.Playout, atUs: Int64) -> [ConversationAction] {
        guard let measured = self.turnClock.heard(playout, atUs: atUs) else { return [] }
        return [self.publish("turn-measured", measured.responseID, .turnMeasured(measured), atUs)]
    }
}

extension AgentSession {
    var mayBeInterrupted: Bool {
        let detection = self.settings.turnDetection
        return detection.hasInterruptResponse ? detection.interruptResponse : true
    }

    /// The service begins a response at the end of each turn.
    var isAnsweredByItself: Bool {
        let detection = self.settings.turnDetection
        return detection.hasCreateResponse ? detection.createResponse : true
    }
}
