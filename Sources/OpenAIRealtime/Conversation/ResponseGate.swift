import CallEvents

/// The one door for responses: knows which is active, and lets the conversation ask for one only when the model can
/// take it. Responses to the person's turns come by themselves; these are waited for, not asked for.
struct ResponseGate: Sendable {
    /// What a response is asked for.
    enum Request: Equatable, Sendable {
        /// The conversation as it is.
        case answer
        /// Something to say now: instructions.
        case say(String)
        /// An agent's first line, which is not needed when the person speaks first: instructions.
        case open(String)
        /// The rest of a reply that was cut off with the model's session: instructions.
        case goOn(String)
        /// Only what a reply that was said in full still had to do: instructions.
        case finish(String)
    }

    struct Active: Equatable, Sendable {
        var id: String
        /// Nil when the model responds by itself.
        var request: Request?
        /// The inbound audio that it answers.
        var heardThrough: InboundPosition?
        /// The person spoke over it: what it still brings is not played.
        var isCut = false
        var firstAudioMs: Int?
    }

    /// The tool calls of one response, answered together.
    private struct ToolCalls: Sendable {
        var waiting: Set<String>
        /// The items of the outputs that the model has been sent, and whether it has confirmed them.
        var outputs: [String: Bool] = [:]

        var isSeen: Bool { self.waiting.isEmpty && self.outputs.values.allSatisfy(\.self) }
    }

    private(set) var active: Active?
    /// The person is speaking, or has spoken and the model will answer by itself.
    private(set) var personSpeaks = false
    private(set) var awaitsAnswer = false
    private var asked: Request?
    private var toolCalls: [ToolCalls] = []
    /// Something to say at once, oldest first; answers come after it.
    private var requests: [Request] = []
    /// A response is due for another reason: one failed, or a restored turn has no audio.
    private var isDue = false
    /// The service is given some time before it is asked again; `answerIsDueLater` says what for.
    private var isDueLater = false
    private var answerIsDueLater = false

    mutating func speechStarted(interrupts: Bool) {
        self.personSpeaks = true
        if interrupts { self.active?.isCut = true }
        // Whoever interrupts wants to hear something else than the rest.
        self.dropRest()
    }

    /// What was left of a reply is not wanted any more.
    mutating func dropRest() {
        self.requests.removeAll { request in
            switch request {
            case .goOn, .open: true
            case .answer, .say, .finish: false
            }
        }
    }

    /// - Parameter isAnswered: the model answers by itself; otherwise it is asked to.
    mutating func speechStopped(isAnswered: Bool) {
        self.personSpeaks = false
        if isAnswered { self.awaitsAnswer = true } else { self.isDue = true }
    }

    mutating func started(_ id: String, heardThrough: InboundPosition?) {
        self.active = Active(id: id, request: self.asked, heardThrough: heardThrough, isCut: self.personSpeaks)
        self.asked = nil
        self.awaitsAnswer = false
        guard !self.personSpeaks else { return }
        self.isDue = false
        self.isDueLater = false
        self.answerIsDueLater = false
        self.toolCalls.removeAll(where: \.isSeen)
    }

    mutating func firstAudio(afterMs: Int) { self.active?.firstAudioMs = afterMs }

    mutating func ended(_ id: String) {
        if self.active?.id == id { self.active = nil }
    }

    /// The response that was asked for, or is due after a turn, was refused because one is active.
    mutating func refused() {
        self.askAgain(self.asked)
        if self.awaitsAnswer { self.isDue = true }
        self.awaitsAnswer = false
    }

    /// Nothing that was to be said is lost with the response that was to say it.
    private mutating func askAgain(_ request: Request?) {
        if let request, request != .answer { self.requests.insert(request, at: 0) }
        if request == .answer { self.isDue = true }
        self.asked = nil
    }

    /// A response failed, or the service had no room for one.
    /// - Parameter active: the one that failed; nil when the service had no room for what was asked for.
    /// - Returns: whether one is to be tried again later.
    mutating func failed(_ active: Active?) -> Bool {
        let request = active?.request ?? self.asked
        if let request, request != .answer {
            self.requests.insert(request, at: 0)
            self.isDueLater = true
        } else {
            self.answerIsDueLater = self.answerIsDueLater || active != nil || self.asked != nil || self.awaitsAnswer
            self.isDueLater = self.isDueLater || self.answerIsDueLater
        }
        self.asked = nil
        self.awaitsAnswer = false
        return self.isDueLater
    }

    mutating func retry() {
        if self.answerIsDueLater { self.isDue = true }
        self.isDueLater = false
        self.answerIsDueLater = false
    }

    mutating func requested(_ callIDs: [String]) {
        guard !callIDs.isEmpty else { return }
        self.toolCalls.append(ToolCalls(waiting: Set(callIDs)))
    }

    /// - Returns: false when nobody waits for this output.
    mutating func toolAnswered(_ callID: String, outputItemID: String) -> Bool {
        guard let index = self.toolCalls.firstIndex(where: { $0.waiting.contains(callID) }) else { return false }
        self.toolCalls[index].waiting.remove(callID)
        self.toolCalls[index].outputs[outputItemID] = false
        return true
    }

    mutating func confirmed(itemID: String) {
        for index in self.toolCalls.indices where self.toolCalls[index].outputs[itemID] != nil {
            self.toolCalls[index].outputs[itemID] = true
        }
    }

    mutating func say(_ instructions: String) { self.requests.append(.say(instructions)) }

    mutating func open(_ instructions: String) { self.requests.insert(.open(instructions), at: 0) }

    /// Before anything else: the rest of the reply that the last session of the model did not come to the end of.
    mutating func goOn(_ request: Request) { self.requests.insert(request, at: 0) }

    mutating func respond() { self.isDue = true }

    /// A turn that the model has as audio and will find by itself.
    mutating func expectAnswer() { self.awaitsAnswer = true }

    /// The answer that was expected did not come.
    mutating func stopExpecting() {
        guard self.awaitsAnswer, !self.personSpeaks else { return }
        self.awaitsAnswer = false
        self.isDue = true
    }

    /// A response is due to what was said or to the outputs of tools.
    var isAnswerDue: Bool { self.isDue || self.toolCalls.contains { $0.waiting.isEmpty } }

    /// Nobody speaks, and nobody is about to.
    var isSilent: Bool {
        !self.isBusy && !self.personSpeaks && !self.awaitsAnswer && !self.isDue && !self.isDueLater
            && self.requests.isEmpty && self.toolCalls.isEmpty
    }

    /// Something was asked for and there is no answer yet.
    var isBusy: Bool { self.active != nil || self.asked != nil }

    /// The response to ask for now, if there is one.
    mutating func next() -> Request? {
        guard !self.isBusy, !self.personSpeaks, !self.awaitsAnswer, !self.isDueLater else { return nil }
        if !self.requests.isEmpty {
            self.asked = self.requests.removeFirst()
            return self.asked
        }
        let outputsAreIn = self.toolCalls.contains { $0.waiting.isEmpty }
        guard self.isDue || outputsAreIn else { return nil }
        self.asked = .answer
        return self.asked
    }

    /// A new session of the model knows of nothing that was under way; what is to be said is still to be said.
    /// - Parameter hasBegun: the person has heard some of the active response.
    mutating func sessionLost(hasBegun: Bool) {
        let active = hasBegun ? nil : self.active?.request
        let requests = ([active, self.asked].compactMap(\.self) + self.requests).filter { request in
            switch request {
            case .say, .open: true
            case .answer, .goOn, .finish: false
            }
        }
        self = ResponseGate()
        self.requests = requests
    }
}
