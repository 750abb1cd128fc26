import CallEvents

/// The one door for responses: knows which is active, and lets the conversation ask for one only when the model can
/// take it. Responses to the person's turns come by themselves; these are waited for, not asked for.
struct ResponseGate: Sendable {
    struct Active: Equatable, Sendable {
        var id: String
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
    private var isAsked = false
    private var toolCalls: [ToolCalls] = []
    /// Something to say at once, oldest first.
    private var instructions: [String] = []
    /// A response is due for another reason: one failed, or a restored turn has no audio.
    private var isDue = false
    /// The same, but not before some time has passed.
    private var isDueLater = false

    mutating func speechStarted() {
        self.personSpeaks = true
        self.active?.isCut = true
    }

    mutating func speechStopped() {
        self.personSpeaks = false
        self.awaitsAnswer = true
    }

    mutating func started(_ id: String, heardThrough: InboundPosition?) {
        self.active = Active(id: id, heardThrough: heardThrough, isCut: self.personSpeaks)
        self.isAsked = false
        self.awaitsAnswer = false
        guard !self.personSpeaks else { return }
        self.isDue = false
        self.isDueLater = false
        self.toolCalls.removeAll(where: \.isSeen)
    }

    mutating func firstAudio(afterMs: Int) { self.active?.firstAudioMs = afterMs }

    mutating func ended(_ id: String) {
        if self.active?.id == id { self.active = nil }
    }

    /// The response that was asked for, or is due after a turn, was refused because one is active.
    mutating func refused() {
        self.isAsked = false
        if self.awaitsAnswer { self.isDue = true }
        self.awaitsAnswer = false
    }

    /// A response failed, or the service had no room for one.
    /// - Returns: whether one is to be tried again later.
    mutating func failed(wasActive: Bool) -> Bool {
        self.isDueLater = self.isDueLater || wasActive || self.isAsked || self.awaitsAnswer
        self.isAsked = false
        self.awaitsAnswer = false
        return self.isDueLater
    }

    mutating func retry() {
        if self.isDueLater { self.isDue = true }
        self.isDueLater = false
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

    mutating func say(_ instructions: String) { self.instructions.append(instructions) }

    mutating func respond() { self.isDue = true }

    /// A turn that the model has as audio and will find by itself.
    mutating func expectAnswer() { self.awaitsAnswer = true }

    /// The answer that was expected did not come.
    mutating func stopExpecting() {
        guard self.awaitsAnswer, !self.personSpeaks else { return }
        self.awaitsAnswer = false
        self.isDue = true
    }

    /// Something was asked for and there is no answer yet.
    var isBusy: Bool { self.active != nil || self.isAsked }

    /// The response to ask for now, if there is one.
    mutating func next() -> ModelCommand? {
        guard !self.isBusy, !self.personSpeaks, !self.awaitsAnswer else { return nil }
        if !self.instructions.isEmpty {
            self.isAsked = true
            return .respond(instructions: self.instructions.removeFirst())
        }
        let outputsAreIn = self.toolCalls.contains { $0.waiting.isEmpty }
        guard self.isDue || outputsAreIn else { return nil }
        self.isAsked = true
        return .respond(instructions: nil)
    }

    /// A new session of the model knows of nothing that was under way.
    mutating func sessionLost() {
        let instructions = self.instructions
        self = ResponseGate()
        self.instructions = instructions
    }
}
