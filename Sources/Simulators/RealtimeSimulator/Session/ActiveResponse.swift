import JSON

/// What holds for one response: its own parameters over those of the session.
struct ResponseParameters: Sendable {
    var modality: String
    var format: AudioFormat
    var voice: JSONValue
    var maxOutputTokens: JSONValue
    var metadata: JSONValue?
    var isOutOfBand: Bool
    /// Functions that may be called.
    var functions: Set<String>
    /// Items that replace the conversation as context.
    var input: [JSONValue]?

    /// - Parameter own: the checked `response` of a `response.create`.
    init(_ own: JSONValue?, session: SessionConfiguration) {
        let output = own?["audio"]?["output"]
        self.modality = own?["output_modalities"]?.arrayValue?.first?.stringValue ?? session.modality
        self.format = AudioFormat(output?["format"]) ?? session.outputFormat
        self.voice = output?["voice"] ?? session.voice
        self.maxOutputTokens = own?["max_output_tokens"] ?? session.maxOutputTokens
        self.metadata = own?["metadata"]?.present
        self.isOutOfBand = own?["conversation"]?.stringValue == "none"
        self.input = own?["input"]?.arrayValue
        let choice = own?["tool_choice"] ?? session.toolChoice
        let offered = (own?["tools"]?.arrayValue ?? session.tools).compactMap { $0["name"]?.stringValue }
        self.functions =
            if choice == "none" { [] } else if let only = choice["name"]?.stringValue { [only] } else { Set(offered) }
    }
}

/// A response that is being produced.
struct ActiveResponse: Sendable {
    struct Step: Sendable {
        var at: ContinuousClock.Instant
        var kind: Kind
    }

    enum Kind: Sendable {
        case beginMessage(AgentSpeech)
        case word(String)
        case audio(AgentSpeech.Delta)
        case endMessage
        case beginCall(name: String, arguments: String)
        case arguments(String)
        case endCall
        case fault(Fault)
        /// `max_output_tokens` is reached.
        case limit
        case finish
    }

    let id: String
    let parameters: ResponseParameters
    /// The caller's item that is not recognised yet; until then there are no steps.
    var awaitedItem: String?
    var steps: [Step] = []
    var nextStep = 0
    /// The last one is in progress when its status says so.
    var output: [ConversationItem] = []
    /// Of the item in progress.
    var spoken = ""
    var arguments = ""
    var inputTokens: (text: Int, audio: Int) = (0, 0)
    var cachedTokens: (text: Int, audio: Int) = (0, 0)
    var outputTokens: (text: Int, audio: Int) = (0, 0)
    /// Its place in the log.
    let fact: Int

    init(id: String, parameters: ResponseParameters, fact: Int) {
        self.id = id
        self.parameters = parameters
        self.fact = fact
    }

    var deadline: ContinuousClock.Instant? {
        self.nextStep < self.steps.count ? self.steps[self.nextStep].at : nil
    }

    /// - Parameters:
    ///   - status: with `details` as `status_details`.
    ///   - usage: nil while it runs.
    func wire(status: String, details: Wire = nil, conversationID: String, usage: Wire = nil) -> Wire {
        [
            "object": "realtime.response",
            "id": .string(self.id),
            "status": .string(status),
            "status_details": details,
            "output": .array(self.output.map { $0.wire() }),
            "conversation_id": self.parameters.isOutOfBand ? .null : .string(conversationID),
            "output_modalities": [.string(self.parameters.modality)],
            "max_output_tokens": Wire(self.parameters.maxOutputTokens),
            "audio": ["output": ["format": self.parameters.format.wire, "voice": Wire(self.parameters.voice)]],
            "usage": usage,
            "metadata": Wire(self.parameters.metadata),
        ]
    }

    var usage: Wire {
        let (input, cached, output) = (self.inputTokens, self.cachedTokens, self.outputTokens)
        return [
            "total_tokens": .integer(input.text + input.audio + output.text + output.audio),
            "input_tokens": .integer(input.text + input.audio),
            "output_tokens": .integer(output.text + output.audio),
            "input_token_details": [
                "text_tokens": .integer(input.text),
                "audio_tokens": .integer(input.audio),
                "image_tokens": 0,
                "cached_tokens": .integer(cached.text + cached.audio),
                "cached_tokens_details": [
                    "text_tokens": .integer(cached.text), "audio_tokens": .integer(cached.audio), "image_tokens": 0,
                ],
            ],
            "output_token_details": [
                "text_tokens": .integer(output.text), "audio_tokens": .integer(output.audio),
            ],
        ]
    }
}
