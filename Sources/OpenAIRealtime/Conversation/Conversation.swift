package import CallEvents

/// The conversation of one call, as its session owns it: what the model, the phone and the coordinator say goes in, in
/// the past tense, and what is to be done comes out. No I/O, and time is told.
///
/// Phases: `connecting` → `configuring` (the model's session exists) → `ready` (it has our configuration and the history)
/// → back to `connecting` when the socket is lost, or `ended`.
///
/// Nothing is said twice. How far a reply is, is written down before its audio goes to the phone: after a restart or a
/// lost socket the model is told what of it was said, and goes on there. A turn whose answer had not begun is given to
/// the model again, as audio, and whatever the phone still plays of an earlier attempt is cleared before the new reply
/// plays. A new owner that has nothing to answer again clears nothing.
package struct Conversation: Sendable {
    enum Phase: Equatable, Sendable {
        case connecting
        case configuring
        case ready
        case ended
    }

    /// Who owns the call and under which number; part of every event and outbound frame.
    package struct Owner: Equatable, Sendable {
        package var callSid: String
        /// Stage and instance, for people.
        package var source: String
        /// The offset of the claim.
        package var sessionEpoch: Int64

        package init(callSid: String, source: String, sessionEpoch: Int64) {
            self.callSid = callSid
            self.source = source
            self.sessionEpoch = sessionEpoch
        }
    }

    /// The words of one turn, as far as they are transcribed.
    struct Partial: Sendable {
        var itemID = ""
        var text = ""
    }

    /// What an operator decides.
    package struct Policy: Equatable, Sendable {
        /// How old a session of the model may be before another one takes its place. It is renewed earlier when the
        /// service says that it expires earlier.
        package var sessionAge = Duration.seconds(3000)
        /// How long the model waits for a tool that says nothing else of itself.
        package var toolTimeout = Duration.seconds(20)
        package var prices = PriceTable.standard
        /// Of agents that name none.
        package var transcriptionModel = "gpt-transcribe"

        package init() {}
    }

    static let answerPatience = Duration.seconds(4)
    static let maxResponseAttempts = 4

    package let owner: Owner
    let policy: Policy
    /// Of the person on whose behalf the agent speaks; empty when nobody knows. `OpenAI-Safety-Identifier`.
    package let safetyIdentifier: String
    let codec: AudioFrame.Codec
    var agent: AgentSession
    var phase = Phase.connecting
    var inbound: InboundAudio
    var outbound: OutboundAudio
    var gate = ResponseGate()
    var history: ConversationHistory
    /// The agent is to hang up when it has said what it is saying.
    var isEnding = false
    /// The next reply answers something for the second time: what the phone plays of the first attempt is stopped.
    var answersAgain = false
    /// The conversation has been told to a session of the model before.
    var isRestored = false
    var turnEnd: InboundPosition?
    var turnEndedAtUs: Int64?
    var failedResponses = 0
    var outputCount = 0
    /// Replies that the present session of the model has as text, under their own ids.
    var toldReplies: Set<String> = []
    var personPartial = Partial()
    /// A reply whose session of the model was lost before its response was done.
    var cutReply: CutReply?
    /// The model's present session, while `ready`.
    var session: ModelSession?
    var standby: Standby?
    /// The agent has begun to speak for the person, or was told to, but has not said its opening line.
    var openingIsDue: Bool
    var idle = IdlePerson()
    /// When the phone's ingress was last told that the model listens.
    var aliveAtUs: Int64?
    var turnClock = TurnClock()
    /// Calls whose time was up: the model was told so.
    var lateTools: Set<String> = []

    /// A call that nobody owned before.
    package init(owner: Owner, start: StartSession, policy: Policy = Policy()) {
        self.owner = owner
        self.policy = policy
        self.safetyIdentifier = start.safetyIdentifier
        self.codec = start.codec
        self.agent = start.agent
        self.inbound = InboundAudio(codec: start.codec, answeredThrough: nil, takenOverAtUs: 0)
        self.outbound = OutboundAudio(codec: start.codec, sessionEpoch: owner.sessionEpoch, target: nil)
        self.history = ConversationHistory()
        self.openingIsDue = !start.agent.opening.isEmpty
    }

    /// A call that another session, or none in time, has owned: `state` includes everything up to the own claim.
    package init(owner: Owner, restoring state: CallState, atUs: Int64, policy: Policy = Policy()) {
        let codec = state.session.codec
        var history = ConversationHistory(items: state.conversation)
        self.cutReply = CutReply(of: state)
        if let cutReply { history.add(cutReply) }
        self.owner = owner
        self.policy = policy
        self.safetyIdentifier = state.session.safetyIdentifier
        self.codec = codec
        self.agent = state.session.agent
        self.history = history
        self.inbound = InboundAudio(
            codec: codec,
            answeredThrough: history.answeredThrough(state.hasAnsweredThrough ? state.answeredThrough : nil),
            takenOverAtUs: atUs
        )
        let target = OutboundAudio.Target(streamEpoch: state.streamEpoch, partition: state.outboundPartition)
        self.outbound = OutboundAudio(
            codec: codec,
            sessionEpoch: owner.sessionEpoch,
            target: state.streamEpoch > 0 ? target : nil
        )
        self.isEnding = state.ending
        self.openingIsDue = Self.openingIsDue(in: state)
        // A call whose start nobody picked up has nothing to be restored.
        self.isRestored = state.streamEpoch > 0 || !state.conversation.isEmpty
        if let last = history.lastReply, !last.interrupted, last.audioMs > 0 {
            self.outbound.inherit(itemID: last.itemID, audioMs: Int(last.audioMs))
        }
    }

    /// Once, before everything else.
    package mutating func started(atUs: Int64) -> [ConversationAction] {
        // The agent has said its last word: all that is left is to hang up.
        self.isEnding ? self.hangUpWhenPlayed(atUs: atUs) : [.connect]
    }

    // MARK: The phone

    package mutating func received(_ frame: AudioFrame, atUs: Int64) -> [ConversationAction] {
        var actions: [ConversationAction] = []
        let target = OutboundAudio.Target(streamEpoch: frame.streamEpoch, partition: frame.outboundPartition)
        let known = self.outbound.target?.streamEpoch ?? 0
        guard target.streamEpoch >= known else { return [.drop(.oldStream)] }
        if target.streamEpoch > known { actions += self.outbound.moved(to: target, atUs: atUs).map { .play($0) } }
        if let playout = frame.playout {
            actions += self.turnIsHeard(playout, atUs: frame.receivedAtUs)
            if self.outbound.played(playout) {
                self.history.forgetReplies { self.outbound.audioMs(of: $0) != nil }
            }
        }
        guard self.phase != .ended, !self.outbound.hasHungUp else { return actions + [.drop(.ended)] }
        if let drop = self.inbound.received(frame) { actions.append(.drop(drop)) }
        self.giveAudio(&actions)
        actions += self.open()
        actions += self.renewWhenSilent(atUs: atUs)
        actions += self.promptWhenIdle(atUs: atUs)
        actions += self.beAlive(atUs: atUs)
        return actions
    }

    mutating func giveAudio(_ actions: inout [ConversationAction]) {
        guard self.phase == .ready, !self.outbound.hasHungUp else { return }
        self.inbound.give { actions.append(.append($0.payload, receivedAtUs: $0.receivedAtUs)) }
    }

    // MARK: The coordinator

    package mutating func received(_ command: CallCommand, atUs: Int64) -> [ConversationAction] {
        guard self.phase != .ended else { return [] }
        switch command.body {
        case .startSession, nil:
            // Owned already.
            return []
        case .updateSession(let update): return self.handedOver(update)
        case .toolResult(let result): return self.toolAnswered(result) + self.askForResponse()
        case .say(let say):
            self.gate.say(say.instructions)
            return self.askForResponse()
        case .endSession(let end) where end.hangUpWhenPlayed:
            guard !self.isEnding else { return [] }
            self.isEnding = true
            return self.hangUpWhenPlayed(atUs: atUs)
        case .endSession(let end): return self.ended(reason: end.reason, atUs: atUs)
        }
    }

    mutating func hangUpWhenPlayed(atUs: Int64) -> [ConversationAction] {
        guard self.isEnding, !self.outbound.hasHungUp, !self.gate.isBusy else { return [] }
        return self.outbound.hangUp(atUs: atUs).map { .play($0) }
    }

    mutating func ended(reason: String, atUs: Int64) -> [ConversationAction] {
        self.phase = .ended
        var end = SessionEnded()
        end.reason = reason
        return [self.publish("session-ended", "\(self.owner.sessionEpoch)", .sessionEnded(end), atUs), .end]
    }

    // MARK: What all parts need

    mutating func newOutputID() -> String {
        self.outputCount += 1
        return "output_\(self.outputCount)"
    }

    /// A response, if one is due and the model can take it.
    mutating func askForResponse() -> [ConversationAction] {
        guard self.phase == .ready, !self.isEnding, let request = self.gate.next() else { return [] }
        return switch request {
        case .answer: [.send(.respond(instructions: nil))]
        case .say(let words), .goOn(let words), .open(let words):
            [.send(.respond(instructions: self.instructions(with: words)))]
        case .finish(let words): [.send(.respondSilently(instructions: self.instructions(with: words)))]
        }
    }

    /// The instructions of one response take the place of the session's: the agent stays who it is.
    private func instructions(with words: String) -> String {
        [self.agent.instructions, words].filter { !$0.isEmpty }.joined(separator: "\n\n")
    }

    func publish(
        _ kind: String,
        _ id: String,
        _ body: CallEvent.OneOf_Body,
        _ atUs: Int64
    ) -> ConversationAction {
        var event = CallEvent()
        event.eventID = "\(kind)/\(self.owner.callSid)/\(id)"
        event.callSid = self.owner.callSid
        event.occurredAtUs = atUs
        event.source = self.owner.source
        event.sessionEpoch = self.owner.sessionEpoch
        event.body = body
        return .publish(event)
    }

    func error(_ code: String, _ message: String, fatal: Bool, id: String, atUs: Int64) -> ConversationAction {
        var error = ErrorOccurred()
        error.code = code
        error.message = message
        error.fatal = fatal
        return self.publish("error", "\(self.owner.sessionEpoch)/\(id)", .errorOccurred(error), atUs)
    }
}

extension StartSession {
    /// What the model takes and gives on this audio path.
    package var codec: AudioFrame.Codec { self.audioPath == .passthrough ? .pcmu : .pcm24k }
}
