import JSON
/// One entry of a conversation.
struct ConversationItem: Sendable {
    enum Status: String, Sendable {
        case completed, incomplete
        case inProgress = "in_progress"
    }

    enum Role: String, Sendable {
        case system, user, assistant
    }

    enum Content: Sendable {
        case inputText(String)
        case inputAudio(InputAudioContent)
        case inputImage(url: String, detail: String)
        case outputText(String)
        case outputAudio(OutputAudioContent)
    }

    struct InputAudioContent: Sendable {
        /// In the session's input format when it came; empty when it is too old to be kept.
        var bytes: [UInt8]
        var milliseconds: Int
        /// Known when the transcription is done.
        var transcript: String?
        /// The utterances heard, nil while the recogniser works; empty when it was not understood.
        var utterances: [String]?
    }

    struct OutputAudioContent: Sendable {
        /// The whole utterance, shared with everybody who says it.
        var source: [UInt8]
        /// So much of it was sent, or is left after a truncation.
        var count: Int
        /// What was said so far; nil after a truncation.
        var transcript: String?
        var format: AudioFormat

        var milliseconds: Int { self.count / self.format.bytesPerMillisecond }
    }

    enum Body: Sendable {
        case message(Role, [Content])
        case functionCall(callID: String, name: String, arguments: String)
        case functionOutput(callID: String, output: String)
    }

    var id: String
    var status: Status
    var body: Body

    /// As events show it. Audio is only in `conversation.item.retrieved`.
    func wire(withAudio: Bool = false) -> Wire {
        var members: [(String, Wire)] = [("id", .string(self.id)), ("object", "realtime.item")]
        let status = Wire.string(self.status.rawValue)
        switch self.body {
        case .message(let role, let content):
            members += [
                ("type", "message"), ("status", status), ("role", .string(role.rawValue)),
                ("content", .array(content.map { $0.wire(withAudio: withAudio) })),
            ]
        case .functionCall(let callID, let name, let arguments):
            members += [
                ("type", "function_call"), ("status", status), ("call_id", .string(callID)), ("name", .string(name)),
                ("arguments", .string(arguments)),
            ]
        case .functionOutput(let callID, let output):
            members += [
                ("type", "function_call_output"), ("status", status), ("call_id", .string(callID)),
                ("output", .string(output)),
            ]
        }
        return .object(members)
    }

    var isAssistants: Bool {
        switch self.body {
        case .message(let role, _): role == .assistant
        case .functionCall: true
        case .functionOutput: false
        }
    }
}

extension ConversationItem.Content {
    func wire(withAudio: Bool) -> Wire {
        switch self {
        case .inputText(let text): ["type": "input_text", "text": .string(text)]
        case .outputText(let text): ["type": "output_text", "text": .string(text)]
        case .inputImage(let url, let detail):
            ["type": "input_image", "image_url": .string(url), "detail": .string(detail)]
        case .inputAudio(let audio):
            Self.audio("input_audio", audio.transcript, withAudio ? audio.bytes : nil)
        case .outputAudio(let audio):
            Self.audio("output_audio", audio.transcript, withAudio ? Array(audio.source.prefix(audio.count)) : nil)
        }
    }

    private static func audio(_ type: String, _ transcript: String?, _ bytes: [UInt8]?) -> Wire {
        var members: [(String, Wire)] = [("type", .string(type)), ("transcript", Wire(transcript))]
        if let bytes { members.append(("audio", .string(String(decoding: Base64.encode(bytes), as: UTF8.self)))) }
        return .object(members)
    }

    /// Roughly as the service counts: four characters of text; 100 ms of the caller's audio, 50 ms of its own.
    var tokens: (text: Int, audio: Int) {
        switch self {
        case .inputText(let text), .outputText(let text): (text.utf8.count / 4 + 1, 0)
        case .inputAudio(let audio): (0, audio.milliseconds / 100 + 1)
        case .inputImage: (85, 0)
        case .outputAudio(let audio): ((audio.transcript?.utf8.count ?? 0) / 4, audio.milliseconds / 50)
        }
    }
}
