package import JSON
package import NIOCore

/// An event for the Realtime server, GA dialect: those that this system sends.
package enum ClientEvent: Equatable, Sendable {
    case sessionUpdate(SessionUpdate)
    /// 20 ms in the session's input format.
    case appendAudio(ByteBuffer)
    /// `previousItemID`: where it goes, `root` for first, nil for last.
    case createItem(NewItem, previousItemID: String?)
    case truncateItem(itemID: String, contentIndex: Int, audioEndMs: Int)
    case deleteItem(itemID: String)
    /// `isSpoken` false: as text, which nobody hears.
    case createResponse(instructions: String?, isSpoken: Bool)
    case cancelResponse(responseID: String?)
}

extension ClientEvent {
    /// `session.update` of a spoken session; what is nil keeps its value at the server.
    package struct SessionUpdate: Equatable, Sendable {
        package var instructions: String?
        package var tools: [Tool]?
        package var audio: Audio?
        /// minimal, low, medium, high, xhigh: only for models that reason, others reject it.
        package var reasoningEffort: String?
        /// 1 … 4096, of one response.
        package var maxOutputTokens: Int?
        package var truncation: Truncation?

        package init(instructions: String? = nil, tools: [Tool]? = nil, audio: Audio? = nil) {
            self.instructions = instructions
            self.tools = tools
            self.audio = audio
        }
    }

    package struct Audio: Equatable, Sendable {
        package var format: AudioFormat?
        /// The voice cannot change after the first audio: only the first update of a session may hold it.
        package var voice: String?
        /// 0.25 … 1.5.
        package var speed: Double?
        package var noiseReduction: NoiseReduction?
        package var transcription: Transcription?
        package var turnDetection: TurnDetection?

        package init(
            format: AudioFormat? = nil,
            voice: String? = nil,
            speed: Double? = nil,
            noiseReduction: NoiseReduction? = nil,
            transcription: Transcription? = nil,
            turnDetection: TurnDetection? = nil
        ) {
            self.format = format
            self.voice = voice
            self.speed = speed
            self.noiseReduction = noiseReduction
            self.transcription = transcription
            self.turnDetection = turnDetection
        }
    }

    /// The same in both directions.
    package enum AudioFormat: String, Equatable, Sendable {
        /// 24 kHz, 16 bit, little-endian.
        case pcm24k = "audio/pcm"
        case pcmu = "audio/pcmu"
    }

    package enum NoiseReduction: String, Sendable, CaseIterable {
        case nearField = "near_field"
        case farField = "far_field"
        case off
    }

    package struct Transcription: Equatable, Sendable {
        package var model: String
        /// ISO 639-1; empty: any.
        package var language: String
        package var prompt: String
        package var keywords: [String]

        package init(model: String, language: String, prompt: String = "", keywords: [String] = []) {
            self.model = model
            self.language = language
            self.prompt = prompt
            self.keywords = keywords
        }
    }

    package struct TurnDetection: Equatable, Sendable {
        package enum Kind: Equatable, Sendable {
            /// `threshold` is 0 … 1.
            case serverVAD(threshold: Double, prefixPaddingMs: Int, silenceDurationMs: Int)
            /// low, medium, high or auto.
            case semanticVAD(eagerness: String)
        }

        package var kind: Kind
        package var createResponse: Bool
        package var interruptResponse: Bool

        package init(
            _ kind: Kind = .serverVAD(threshold: 0.5, prefixPaddingMs: 300, silenceDurationMs: 500),
            createResponse: Bool = true,
            interruptResponse: Bool = true
        ) {
            self.kind = kind
            self.createResponse = createResponse
            self.interruptResponse = interruptResponse
        }
    }

    /// What leaves the context when it is full.
    package enum Truncation: Equatable, Sendable {
        case auto
        case disabled
        /// Down to this part (0 … 1) of the limit, which is lower than the model's when `postInstructionsTokens` is
        /// given.
        case retentionRatio(Double, postInstructionsTokens: Int?)
    }

    package struct Tool: Equatable, Sendable {
        package var name: String
        package var description: String
        /// JSON Schema.
        package var parameters: JSONValue

        package init(name: String, description: String, parameters: JSONValue) {
            self.name = name
            self.description = description
            self.parameters = parameters
        }
    }

    /// An item of `conversation.item.create`. `id` is the client's choice; nil lets the server choose.
    package enum NewItem: Equatable, Sendable {
        case systemText(id: String?, String)
        case userText(id: String?, String)
        case assistantText(id: String?, String)
        case functionCall(id: String?, callID: String, name: String, arguments: String)
        case functionCallOutput(id: String?, callID: String, output: String)
    }
}
