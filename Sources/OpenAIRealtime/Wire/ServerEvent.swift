package import NIOCore

/// An event of the Realtime server, GA dialect: what this system uses of it. Types that it does not use are `other`,
/// types that the reference does not know are `unknown`; fields that are absent or null are empty or nil.
package enum ServerEvent: Equatable, Sendable {
    case sessionCreated(Session)
    case sessionUpdated(Session)
    case itemAdded(Item, previousItemID: String?)
    case itemDone(Item, previousItemID: String?)
    case itemTruncated(itemID: String, audioEndMs: Int)
    case itemDeleted(itemID: String)
    case inputTranscriptionDelta(itemID: String, delta: String)
    case inputTranscriptionCompleted(itemID: String, transcript: String, usage: TranscriptionUsage?)
    case inputTranscriptionFailed(itemID: String, code: String?)
    case inputCommitted(itemID: String, previousItemID: String?)
    case speechStarted(itemID: String, audioStartMs: Int)
    case speechStopped(itemID: String, audioEndMs: Int)
    case responseCreated(Response)
    case responseDone(Response)
    case outputItemAdded(responseID: String, Item)
    case outputItemDone(responseID: String, Item)
    case outputAudioDelta(AudioDelta)
    case outputAudioDone(Part)
    case outputTranscriptDelta(Part, delta: String)
    case outputTranscriptDone(Part, transcript: String)
    case rateLimitsUpdated([RateLimit])
    case error(Failure)
    case other(ServerEventType)
    case unknown(type: String)
}

extension ServerEvent {
    package struct Session: Equatable, Sendable {
        package var id: String
        package var model: String
        /// Unix seconds; 0 when the server did not say.
        package var expiresAt: Int
        package var inputFormat: String?
        package var outputFormat: String?
    }

    package struct Item: Equatable, Sendable {
        package var id: String
        package var type: String
        package var role: String?
        package var status: String?
        /// What was said or written: text and transcripts of the content, joined.
        package var text: String
        package var callID: String?
        package var name: String?
        package var arguments: String?
    }

    package struct Response: Equatable, Sendable {
        package var id: String
        package var status: String
        package var output: [Item]
        package var usage: TokenUsage?
        /// Why it failed: `status_details.error`.
        package var failure: Failure?
    }

    /// The part of an item that a delta belongs to.
    package struct Part: Equatable, Sendable {
        package var responseID: String
        package var itemID: String
        package var contentIndex: Int

        package init(responseID: String, itemID: String, contentIndex: Int) {
            self.responseID = responseID
            self.itemID = itemID
            self.contentIndex = contentIndex
        }
    }

    package struct AudioDelta: Equatable, Sendable {
        package var part: Part
        package var audio: ByteBuffer

        package init(part: Part, audio: ByteBuffer) {
            self.part = part
            self.audio = audio
        }
    }

    package struct RateLimit: Equatable, Sendable {
        /// requests or tokens.
        package var name: String
        package var limit: Int
        package var remaining: Int
        package var resetSeconds: Double

        package init(name: String, limit: Int, remaining: Int, resetSeconds: Double) {
            self.name = name
            self.limit = limit
            self.remaining = remaining
            self.resetSeconds = resetSeconds
        }
    }

    package struct Failure: Equatable, Sendable {
        package var type: String
        package var code: String?
        package var message: String
        package var param: String?
        /// The `event_id` of the client event at fault.
        package var eventID: String?
    }
}

/// Tokens of one response; cached tokens are part of the input counts.
package struct TokenUsage: Equatable, Sendable {
    package var inputText = 0
    package var inputAudio = 0
    package var cachedText = 0
    package var cachedAudio = 0
    package var outputText = 0
    package var outputAudio = 0

    package init() {}
}

/// What the transcription of one turn counts as: by tokens or by time, as its model does.
package struct TranscriptionUsage: Equatable, Sendable {
    package var inputText = 0
    package var inputAudio = 0
    package var output = 0
    package var seconds = 0.0

    package init() {}
}

/// Every event type of the GA reference (November 2026).
package enum ServerEventType: String, Sendable, CaseIterable {
    case conversationCreated = "conversation.created"
    case itemAdded = "conversation.item.added"
    case itemCreated = "conversation.item.created"
    case itemDeleted = "conversation.item.deleted"
    case itemDone = "conversation.item.done"
    case inputTranscriptionCompleted = "conversation.item.input_audio_transcription.completed"
    case inputTranscriptionDelta = "conversation.item.input_audio_transcription.delta"
    case inputTranscriptionFailed = "conversation.item.input_audio_transcription.failed"
    case inputTranscriptionSegment = "conversation.item.input_audio_transcription.segment"
    case itemRetrieved = "conversation.item.retrieved"
    case itemTruncated = "conversation.item.truncated"
    case error = "error"
    case inputCleared = "input_audio_buffer.cleared"
    case inputCommitted = "input_audio_buffer.committed"
    case dtmfReceived = "input_audio_buffer.dtmf_event_received"
    case speechStarted = "input_audio_buffer.speech_started"
    case speechStopped = "input_audio_buffer.speech_stopped"
    case timeoutTriggered = "input_audio_buffer.timeout_triggered"
    case mcpListToolsCompleted = "mcp_list_tools.completed"
    case mcpListToolsFailed = "mcp_list_tools.failed"
    case mcpListToolsInProgress = "mcp_list_tools.in_progress"
    case outputBufferCleared = "output_audio_buffer.cleared"
    case outputBufferStarted = "output_audio_buffer.started"
    case outputBufferStopped = "output_audio_buffer.stopped"
    case rateLimitsUpdated = "rate_limits.updated"
    case contentPartAdded = "response.content_part.added"
    case contentPartDone = "response.content_part.done"
    case responseCreated = "response.created"
    case responseDone = "response.done"
    case functionArgumentsDelta = "response.function_call_arguments.delta"
    case functionArgumentsDone = "response.function_call_arguments.done"
    case mcpCallCompleted = "response.mcp_call.completed"
    case mcpCallFailed = "response.mcp_call.failed"
    case mcpCallInProgress = "response.mcp_call.in_progress"
    case mcpArgumentsDelta = "response.mcp_call_arguments.delta"
    case mcpArgumentsDone = "response.mcp_call_arguments.done"
    case outputAudioDelta = "response.output_audio.delta"
    case outputAudioDone = "response.output_audio.done"
    case outputTranscriptDelta = "response.output_audio_transcript.delta"
    case outputTranscriptDone = "response.output_audio_transcript.done"
    case outputItemAdded = "response.output_item.added"
    case outputItemDone = "response.output_item.done"
    case outputTextDelta = "response.output_text.delta"
    case outputTextDone = "response.output_text.done"
    case sessionCreated = "session.created"
    case sessionUpdated = "session.updated"
}
