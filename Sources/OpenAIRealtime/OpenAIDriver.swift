import CallEvents
import JSON
package import NIOCore

/// The GA Realtime protocol.
package struct OpenAIDriver: ModelDriver {
    /// What holds where an agent's `SessionSettings` say nothing.
    package struct Configuration: Equatable, Sendable {
        package var voice: String
        package var speed: Double
        package var noiseReduction: ClientEvent.NoiseReduction
        package var transcription: ClientEvent.Transcription
        package var turnDetection: ClientEvent.TurnDetection

        package init(
            voice: String = "marin",
            speed: Double = 1,
            noiseReduction: ClientEvent.NoiseReduction = .off,
            transcription: ClientEvent.Transcription = .init(model: "gpt-transcribe", language: "en"),
            turnDetection: ClientEvent.TurnDetection = .init()
        ) {
            self.voice = voice
            self.speed = speed
            self.noiseReduction = noiseReduction
            self.transcription = transcription
            self.turnDetection = turnDetection
        }
    }

    private let configuration: Configuration
    private var commands = 0

    package init(_ configuration: Configuration = Configuration()) {
        self.configuration = configuration
    }

    package func message(appending audio: ByteBuffer) -> ByteBuffer {
        var message = ByteBuffer()
        ClientEvent.writeAppend(audio, into: &message)
        return message
    }

    package mutating func message(_ command: ModelCommand) -> ByteBuffer {
        self.commands += 1
        var message = ByteBuffer()
        self.clientEvent(command).write(eventID: "\(command.name)-\(self.commands)", into: &message)
        return message
    }

    func clientEvent(_ command: ModelCommand) -> ClientEvent {
        switch command {
        case .configure(let agent, let codec):
            return .sessionUpdate(self.configuration.update(for: agent, format: codec == .pcmu ? .pcmu : .pcm24k))
        case .update(let agent, withSettings: true):
            return .sessionUpdate(self.configuration.update(for: agent, format: nil))
        case .update(let agent, withSettings: false):
            return .sessionUpdate(
                ClientEvent.SessionUpdate(
                    instructions: agent.instructions,
                    tools: agent.tools.map(ClientEvent.Tool.init)
                )
            )
        case .add(let item, let after): return .createItem(ClientEvent.NewItem(item), previousItemID: after)
        case .remove(let itemID): return .deleteItem(itemID: itemID)
        case .truncate(let itemID, let contentIndex, let playedMs):
            return .truncateItem(itemID: itemID, contentIndex: contentIndex, audioEndMs: playedMs)
        case .respond(let instructions): return .createResponse(instructions: instructions, isSpoken: true)
        case .respondSilently(let instructions): return .createResponse(instructions: instructions, isSpoken: false)
        case .cancelResponse(let responseID): return .cancelResponse(responseID: responseID)
        }
    }

    package func event(_ message: ByteBuffer) throws(RealtimeMessageError) -> ModelEvent {
        ModelEvent(try ServerEvent(message: message))
    }
}

extension ModelCommand {
    /// Begins the `event_id`, so that an error tells which command it is about.
    fileprivate var name: String {
        switch self {
        case .configure, .update: "update"
        case .add: "add"
        case .remove: "remove"
        case .truncate: Self.truncateName
        case .respond, .respondSilently: "respond"
        case .cancelResponse: "cancel"
        }
    }

    fileprivate static let truncateName = "truncate"
}

extension ClientEvent.Tool {
    init(_ tool: ToolDefinition) {
        self.init(
            name: tool.name,
            description: tool.description_p,
            // A schema that cannot be read leaves a tool without arguments rather than a session without tools.
            parameters: (try? JSONValue(parsing: tool.parameters)) ?? ["type": "object", "properties": [:]]
        )
    }
}

extension ClientEvent.NewItem {
    fileprivate init(_ item: ModelCommand.Item) {
        self =
            switch item {
            case .personText(let id, let text): .userText(id: id, text)
            case .agentText(let id, let text): .assistantText(id: id, text)
            case .toolCall(let id, let callID, let name, let arguments):
                .functionCall(id: id, callID: callID, name: name, arguments: arguments)
            case .note(let text): .systemText(id: nil, text)
            case .toolOutput(let id, let callID, let output):
                .functionCallOutput(id: id, callID: callID, output: output)
            }
    }
}

extension ModelEvent {
    fileprivate init(_ event: ServerEvent) {
        switch event {
        case .sessionCreated(let session): self = .opened(ModelSession(session))
        case .sessionUpdated(let session): self = .configured(ModelSession(session))
        case .itemAdded(let item, let previous):
            self = .itemAdded(itemID: item.id, previousItemID: previous, kind: item.kind)
        case .inputTranscriptionDelta(let itemID, let delta): self = .personTranscriptDelta(itemID: itemID, delta)
        case .inputTranscriptionCompleted(let itemID, let text, let usage):
            self = .personTranscript(itemID: itemID, text, usage: usage)
        case .inputTranscriptionFailed(let itemID, _): self = .personTranscriptFailed(itemID: itemID)
        case .inputCommitted(let itemID, let previous):
            self = .turnCommitted(itemID: itemID, previousItemID: previous)
        case .speechStarted(let itemID, let start): self = .speechStarted(itemID: itemID, audioStartMs: start)
        case .speechStopped(let itemID, _): self = .speechStopped(itemID: itemID)
        case .responseCreated(let response): self = .responseStarted(responseID: response.id)
        case .responseDone(let response): self = .responseEnded(ModelResponse(response))
        case .outputAudioDelta(let delta):
            self = .audio(
                responseID: delta.part.responseID,
                itemID: delta.part.itemID,
                contentIndex: delta.part.contentIndex,
                delta.audio
            )
        case .outputAudioDone(let part): self = .audioEnded(responseID: part.responseID, itemID: part.itemID)
        case .outputTranscriptDelta(let part, let delta):
            self = .agentTranscriptDelta(responseID: part.responseID, itemID: part.itemID, delta)
        case .outputTranscriptDone(let part, let text):
            self = .agentTranscript(responseID: part.responseID, itemID: part.itemID, text)
        case .error(let failure): self = .failed(ModelFailure(failure))
        case .itemDone: self = .other(type: ServerEventType.itemDone.rawValue)
        case .itemTruncated: self = .other(type: ServerEventType.itemTruncated.rawValue)
        case .itemDeleted: self = .other(type: ServerEventType.itemDeleted.rawValue)
        case .outputItemAdded: self = .other(type: ServerEventType.outputItemAdded.rawValue)
        case .outputItemDone: self = .other(type: ServerEventType.outputItemDone.rawValue)
        case .rateLimitsUpdated(let limits): self = .limits(limits)
        case .other(let type): self = .other(type: type.rawValue)
        case .unknown(let type): self = .other(type: type)
        }
    }
}

extension ModelSession {
    fileprivate init(_ session: ServerEvent.Session) {
        self.init(
            id: session.id,
            model: session.model,
            expiresAt: session.expiresAt,
            inputFormat: session.inputFormat,
            outputFormat: session.outputFormat
        )
    }
}

extension ServerEvent.Item {
    fileprivate var kind: ModelEvent.ItemKind {
        switch (self.type, self.role) {
        case ("message", "user"), ("message", "assistant"): .message
        case ("function_call", _): .toolCall
        default: .hidden
        }
    }
}

extension ModelResponse {
    fileprivate init(_ response: ServerEvent.Response) {
        let status = Status(rawValue: response.status) ?? .failed
        let calls = response.output.compactMap { item -> ToolCall? in
            guard status == .completed, item.type == "function_call", item.status ?? "completed" == "completed",
                let callID = item.callID, let name = item.name
            else { return nil }
            return ToolCall(itemID: item.id, callID: callID, name: name, arguments: item.arguments ?? "")
        }
        self.init(
            id: response.id,
            status: status,
            spoken: response.output.filter { $0.type == "message" }.map { SpokenItem(itemID: $0.id, text: $0.text) },
            toolCalls: calls,
            usage: response.usage,
            failure: response.failure.map(ModelFailure.init)
        )
    }
}

extension ModelFailure {
    fileprivate init(_ failure: ServerEvent.Failure) {
        let code = failure.code ?? failure.type
        var kind: Kind =
            switch RealtimeErrorClass(code: failure.code, type: failure.type) {
            case .harmless: .harmless
            case .fault: .fault
            case .fatal: .fatal
            case .expired: .expired
            case .load: .load
            }
        if code == "conversation_already_has_active_response" { kind = .responseAlreadyActive }
        // Truncation beyond an item's audio has no code of its own.
        let isTruncation = failure.eventID?.hasPrefix(ModelCommand.truncateName) ?? false
        if kind == .fault, isTruncation { kind = .harmless }
        self.init(kind: kind, code: code, commandID: failure.eventID)
    }
}
