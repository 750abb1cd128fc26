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

        package init(instructions: String? = nil, tools: [Tool]? = nil, audio: Audio? = nil) {
            self.instructions = instructions
            self.tools = tools
            self.audio = audio
        }
    }

    package struct Audio: Equatable, Sendable {
        package var format: AudioFormat
        /// The voice cannot change after the first audio: only the first update of a session may hold it.
        package var voice: String
        package var transcription: Transcription
        package var turnDetection: ServerVAD

        package init(
            format: AudioFormat,
            voice: String,
            transcription: Transcription,
            turnDetection: ServerVAD
        ) {
            self.format = format
            self.voice = voice
            self.transcription = transcription
            self.turnDetection = turnDetection
        }
    }

    /// The same in both directions.
    package enum AudioFormat: Equatable, Sendable {
        /// 24 kHz, 16 bit, little-endian.
        case pcm24k
        case pcmu
    }

    package struct Transcription: Equatable, Sendable {
        package var model: String
        /// ISO 639-1.
        package var language: String

        package init(model: String, language: String) {
            self.model = model
            self.language = language
        }
    }

    package struct ServerVAD: Equatable, Sendable {
        package var threshold: Double
        package var prefixPaddingMs: Int
        package var silenceDurationMs: Int
        package var createResponse: Bool
        package var interruptResponse: Bool

        package init(
            threshold: Double = 0.5,
            prefixPaddingMs: Int = 300,
            silenceDurationMs: Int = 500,
            createResponse: Bool = true,
            interruptResponse: Bool = true
        ) {
            self.threshold = threshold
            self.prefixPaddingMs = prefixPaddingMs
            self.silenceDurationMs = silenceDurationMs
            self.createResponse = createResponse
            self.interruptResponse = interruptResponse
        }
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
