import JSON

/// The effective configuration of a session: what `session.updated` shows.
struct SessionConfiguration: Sendable {
    static let reasoningModels: Set<String> = ["gpt-realtime-2.1", "gpt-realtime-2.1-mini", "gpt-realtime-2"]
    static let models: Set<String> = Self.reasoningModels.union([
        "gpt-realtime-1.5", "gpt-realtime", "gpt-realtime-2025-08-28", "gpt-realtime-mini",
        "gpt-realtime-mini-2025-12-15",
    ])

    let id: String
    let model: String
    /// Seconds since 1970.
    let expiresAt: Int
    var instructions = "You are a helpful assistant."
    var modality = "audio"
    var inputFormat = AudioFormat.pcm
    var outputFormat = AudioFormat.pcm
    var noiseReduction: JSONValue?
    var transcription: JSONValue?
    var turnDetection: TurnDetection? = TurnDetection()
    var voice: JSONValue = "marin"
    var speed = 1.0
    var tools: [JSONValue] = []
    var toolChoice: JSONValue = "auto"
    var parallelToolCalls: Bool?
    var reasoning: JSONValue?
    var maxOutputTokens: JSONValue = "inf"
    var truncation: JSONValue = "auto"
    var tracing: JSONValue?
    var include: JSONValue?
    var prompt: JSONValue?

    init(id: String, model: String, expiresAt: Int) {
        self.id = id
        self.model = model
        self.expiresAt = expiresAt
    }

    /// - Parameters:
    ///   - update: a `session` whose shape was checked.
    ///   - hasSpoken: the session has produced audio.
    /// - Throws: when it changes what cannot change; then nothing of it holds.
    func updated(by update: JSONValue, hasSpoken: Bool) throws(Refusal) -> SessionConfiguration {
        var new = self
        if let model = update["model"], model.stringValue != self.model {
            throw .invalidValue("session.model", "The model of a session cannot change.")
        }
        try Self.checkModelSupports(update, at: "session", model: self.model)
        try new.updateAudio(update["audio"], hasSpoken: hasSpoken)
        if let tracing = update["tracing"] {
            guard self.tracing == nil || tracing.present == self.tracing else {
                throw .invalidValue("session.tracing", "Tracing cannot change once it is on.")
            }
            new.tracing = tracing.present
        }
        new.instructions = update["instructions"]?.stringValue ?? self.instructions
        new.modality = update["output_modalities"]?.arrayValue?.first?.stringValue ?? self.modality
        new.tools = update["tools"]?.arrayValue ?? self.tools
        new.toolChoice = update["tool_choice"] ?? self.toolChoice
        new.parallelToolCalls = update["parallel_tool_calls"]?.boolValue ?? self.parallelToolCalls
        new.reasoning = update["reasoning"] ?? self.reasoning
        new.maxOutputTokens = update["max_output_tokens"] ?? self.maxOutputTokens
        new.truncation = update["truncation"] ?? self.truncation
        new.include = update["include"] ?? self.include
        if let prompt = update["prompt"] { new.prompt = prompt.present }
        return new
    }

    private mutating func updateAudio(_ audio: JSONValue?, hasSpoken: Bool) throws(Refusal) {
        let (input, output) = (audio?["input"], audio?["output"])
        if let voice = output?["voice"], voice != self.voice {
            guard !hasSpoken else {
                throw Refusal(
                    code: "cannot_update_voice",
                    message: "The voice of a session cannot change once it has produced audio."
                )
            }
            self.voice = voice
        }
        self.outputFormat = AudioFormat(output?["format"]) ?? self.outputFormat
        self.speed = output?["speed"]?.doubleValue ?? self.speed
        self.inputFormat = AudioFormat(input?["format"]) ?? self.inputFormat
        if let reduction = input?["noise_reduction"] { self.noiseReduction = reduction.present }
        if let transcription = input?["transcription"] { self.transcription = transcription.present }
        if let detection = input?["turn_detection"] {
            self.turnDetection = detection.present.map { (self.turnDetection ?? TurnDetection()).updated(by: $0) }
        }
    }

    /// - Throws: when `parameters` hold what only reasoning models take, and `model` is none.
    static func checkModelSupports(_ parameters: JSONValue, at path: String, model: String) throws(Refusal) {
        guard !self.reasoningModels.contains(model) else { return }
        for key in ["reasoning", "parallel_tool_calls"] where parameters[key] != nil {
            throw .invalidValue("\(path).\(key)", "'\(key)' is not supported with the model '\(model)'.")
        }
    }

    /// Logarithms of probabilities were asked for in transcripts.
    var includesLogprobs: Bool {
        self.include?.arrayValue?.contains("item.input_audio_transcription.logprobs") ?? false
    }

    var wire: Wire {
        var members: [(String, Wire)] = [
            ("type", "realtime"), ("object", "realtime.session"), ("id", .string(self.id)),
            ("model", .string(self.model)), ("output_modalities", [.string(self.modality)]),
            ("instructions", .string(self.instructions)), ("tools", .array(self.tools.map { Wire($0) })),
            ("tool_choice", Wire(self.toolChoice)), ("max_output_tokens", Wire(self.maxOutputTokens)),
            ("tracing", Wire(self.tracing)), ("truncation", Wire(self.truncation)), ("prompt", Wire(self.prompt)),
            ("expires_at", .integer(self.expiresAt)), ("audio", self.audioWire), ("include", Wire(self.include)),
        ]
        if let reasoning = self.reasoning { members.append(("reasoning", Wire(reasoning))) }
        if let parallel = self.parallelToolCalls { members.append(("parallel_tool_calls", .bool(parallel))) }
        return .object(members)
    }

    private var audioWire: Wire {
        [
            "input": [
                "format": self.inputFormat.wire,
                "transcription": self.transcriptionWire,
                "noise_reduction": Wire(self.noiseReduction),
                "turn_detection": self.turnDetection?.wire ?? .null,
            ],
            "output": [
                "format": self.outputFormat.wire, "voice": Wire(self.voice), "speed": .number(self.speed),
            ],
        ]
    }

    private var transcriptionWire: Wire {
        guard let given = self.transcription?.objectValue else { return .null }
        return Wire(.object(["language": JSONValue.null, "prompt": .null].merging(given) { $1 }))
    }

}

extension JSONValue {
    /// The value, unless it is JSON's null.
    var present: JSONValue? {
        self == .null ? nil : self
    }
}
