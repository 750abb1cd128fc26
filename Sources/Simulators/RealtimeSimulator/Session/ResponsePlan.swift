import JSON

/// Lays the actions of a rule out in time.
struct ResponsePlan {
    private(set) var steps: [ActiveResponse.Step] = []
    private(set) var notOffered: [String] = []

    private let parameters: ResponseParameters
    private let pace: Double
    private var time: ContinuousClock.Instant
    private var tokensLeft: Double
    private var wordsSaid: Int

    /// - Parameters:
    ///   - wordsSaid: of the first `say`, which is not said from its beginning.
    ///   - start: when the first output comes.
    init(
        _ actions: [Action],
        wordsSaid: Int = 0,
        parameters: ResponseParameters,
        pace: Double,
        start: ContinuousClock.Instant
    ) {
        self.wordsSaid = wordsSaid
        self.parameters = parameters
        self.pace = pace
        self.time = start
        self.tokensLeft = parameters.maxOutputTokens.intValue.map { Double($0) } ?? .infinity
        for action in actions {
            guard self.tokensLeft > 0 else { break }
            switch action {
            case .say(let name, let fault, let faultAtMs): self.say(name, fault: fault, faultAtMs: faultAtMs)
            case .call(let name, let arguments): self.call(name, arguments)
            case .wait(let milliseconds): self.time += .milliseconds(milliseconds)
            case .fault(let fault): self.add(.fault(fault))
            }
        }
        self.add(self.tokensLeft > 0 ? .finish : .limit)
    }

    private mutating func add(_ kind: ActiveResponse.Kind) {
        self.steps.append(.init(at: self.time, kind: kind))
    }

    private mutating func say(_ name: String, fault: Fault?, faultAtMs: Int) {
        guard let whole = AgentSpeech.standard[self.parameters.format]?[name] else { return }
        let speech = whole.dropping(words: self.wordsSaid, format: self.parameters.format)
        self.wordsSaid = 0
        let start = self.time
        var fault = fault
        var words = speech.words[...]
        self.add(.beginMessage(speech))
        var sent = 0
        for delta in speech.deltas {
            if let due = fault, sent >= faultAtMs * self.parameters.format.bytesPerMillisecond {
                self.add(.fault(due))
                fault = nil
            }
            while let word = words.first, word.at <= sent {
                self.add(.word(word.text))
                self.tokensLeft -= Double(word.text.utf8.count) / 4
                words.removeFirst()
            }
            if self.parameters.modality == "audio" {
                self.add(.audio(delta))
                let milliseconds = Double(delta.end - sent) / Double(self.parameters.format.bytesPerMillisecond)
                self.tokensLeft -= milliseconds / 50
            }
            guard self.tokensLeft > 0 else { return }
            sent = delta.end
            if self.parameters.modality == "audio" {
                let milliseconds = Double(sent) / Double(self.parameters.format.bytesPerMillisecond)
                self.time = start + .milliseconds(milliseconds / self.pace)
            } else {
                self.time += .milliseconds(5)
            }
        }
        for word in words { self.add(.word(word.text)) }
        if let fault { self.add(.fault(fault)) }
        self.add(.endMessage)
    }

    private mutating func call(_ name: String, _ arguments: JSONValue) {
        guard self.parameters.functions.contains(name) else {
            self.notOffered.append(name)
            return
        }
        let text = arguments.stringValue ?? arguments.text
        self.add(.beginCall(name: name, arguments: text))
        var rest = text[...]
        while !rest.isEmpty {
            let piece = rest.prefix(16)
            rest = rest.dropFirst(16)
            self.time += .milliseconds(5)
            self.add(.arguments(String(piece)))
            self.tokensLeft -= 4
        }
        self.add(.endCall)
    }
}
