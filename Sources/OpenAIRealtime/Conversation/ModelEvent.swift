package import NIOCore

/// What a speech-to-speech model says about the conversation, whichever protocol carries it.
package enum ModelEvent: Equatable, Sendable {
    /// The model's session exists, with the service's defaults.
    case opened(ModelSession)
    /// What `ModelCommand.configure` or `.update` asked for is in effect.
    case configured(ModelSession)
    case itemAdded(itemID: String, previousItemID: String?, kind: ItemKind)
    /// `audioStartMs` counts the audio given to this session; the padding before the speech is part of it.
    case speechStarted(itemID: String, audioStartMs: Int)
    case speechStopped(itemID: String)
    /// The person's turn is an item now; the model answers it by itself.
    case turnCommitted(itemID: String, previousItemID: String?)
    case personTranscriptDelta(itemID: String, String)
    /// May be empty: noise.
    case personTranscript(itemID: String, String, usage: TranscriptionUsage? = nil)
    case personTranscriptFailed(itemID: String)
    case responseStarted(responseID: String)
    case audio(responseID: String, itemID: String, contentIndex: Int, ByteBuffer)
    case audioEnded(responseID: String, itemID: String)
    case agentTranscriptDelta(responseID: String, itemID: String, String)
    case agentTranscript(responseID: String, itemID: String, String)
    case responseEnded(ModelResponse)
    case failed(ModelFailure)
    /// What the account may still use.
    case limits([ServerEvent.RateLimit])
    /// Nothing that the conversation needs.
    case other(type: String)

    package enum ItemKind: Equatable, Sendable {
        case message
        case toolCall
        /// Tool outputs, system messages: not part of what is told to other stages.
        case hidden
    }
}

package struct ModelSession: Equatable, Sendable {
    package var id: String
    package var model: String
    /// Unix seconds; 0 when unknown.
    package var expiresAt: Int
    /// What the service says it takes and gives, such as `audio/pcmu`; nil when it does not say.
    package var inputFormat: String?
    package var outputFormat: String?

    package init(
        id: String,
        model: String,
        expiresAt: Int = 0,
        inputFormat: String? = nil,
        outputFormat: String? = nil
    ) {
        self.id = id
        self.model = model
        self.expiresAt = expiresAt
        self.inputFormat = inputFormat
        self.outputFormat = outputFormat
    }
}

package struct ModelResponse: Equatable, Sendable {
    package enum Status: String, Sendable {
        case completed, cancelled, incomplete, failed
    }

    package struct SpokenItem: Equatable, Sendable {
        package var itemID: String
        package var text: String

        package init(itemID: String, text: String) {
            self.itemID = itemID
            self.text = text
        }
    }

    package struct ToolCall: Equatable, Sendable {
        package var itemID: String
        package var callID: String
        package var name: String
        /// JSON text as the model gave it.
        package var arguments: String

        package init(itemID: String, callID: String, name: String, arguments: String) {
            self.itemID = itemID
            self.callID = callID
            self.name = name
            self.arguments = arguments
        }
    }

    package var id: String
    package var status: Status
    package var spoken: [SpokenItem]
    /// Only finished calls of a completed response: the arguments of others may be cut.
    package var toolCalls: [ToolCall]
    package var usage: TokenUsage?
    package var failure: ModelFailure?

    package init(
        id: String,
        status: Status,
        spoken: [SpokenItem] = [],
        toolCalls: [ToolCall] = [],
        usage: TokenUsage? = nil,
        failure: ModelFailure? = nil
    ) {
        self.id = id
        self.status = status
        self.spoken = spoken
        self.toolCalls = toolCalls
        self.usage = usage
        self.failure = failure
    }
}

package struct ModelFailure: Equatable, Sendable {
    package enum Kind: Sendable, Equatable {
        case harmless
        /// A response was asked for, or due after a turn, while another was active.
        case responseAlreadyActive
        case fault
        case fatal
        case expired
        case load
    }

    package var kind: Kind
    /// The service's code.
    package var code: String
    /// The command that caused it, when the service says.
    package var commandID: String?

    package init(kind: Kind, code: String, commandID: String? = nil) {
        self.kind = kind
        self.code = code
        self.commandID = commandID
    }
}
