import JSON
package import NIOCore

extension ClientEvent {
    /// Appends the event as JSON text.
    /// - Parameter eventID: comes back in an `error` that this event causes.
    package func write(eventID: String?, into message: inout ByteBuffer) {
        if case .appendAudio(let audio) = self {
            Self.writeAppend(audio, into: &message)
            return
        }
        var members = self.members
        if let eventID { members["event_id"] = .string(eventID) }
        message.writeString(JSONValue.object(members).text)
    }

    private static let appendHead: StaticString = #"{"type":"input_audio_buffer.append","audio":""#
    private static let appendTail: StaticString = #""}"#

    /// The hot one, 50 times a second for each call: no JSON encoder, no `String`, one allocation.
    package static func writeAppend(_ audio: ByteBuffer, into message: inout ByteBuffer) {
        message.reserveCapacity(
            minimumWritableBytes: Self.appendHead.utf8CodeUnitCount + Self.appendTail.utf8CodeUnitCount
                + Base64.encodedLength(of: audio.readableBytes)
        )
        message.writeStaticString(Self.appendHead)
        Base64.encode(audio, to: &message)
        message.writeStaticString(Self.appendTail)
    }

    private var members: [String: JSONValue] {
        switch self {
        case .sessionUpdate(let update): ["type": "session.update", "session": update.json]
        case .appendAudio: [:]
        case .createItem(let item, let previous):
            ["type": "conversation.item.create", "item": item.json]
                .merging(previous.map { ["previous_item_id": .string($0)] } ?? [:]) { $1 }
        case .truncateItem(let itemID, let contentIndex, let audioEndMs):
            [
                "type": "conversation.item.truncate", "item_id": .string(itemID),
                "content_index": .integer(contentIndex), "audio_end_ms": .integer(audioEndMs),
            ]
        case .deleteItem(let itemID): ["type": "conversation.item.delete", "item_id": .string(itemID)]
        case .createResponse(let instructions, let isSpoken):
            ["type": "response.create"].merging(Self.responseParameters(instructions, isSpoken)) { $1 }
        case .cancelResponse(nil): ["type": "response.cancel"]
        case .cancelResponse(let responseID?): ["type": "response.cancel", "response_id": .string(responseID)]
        }
    }
}

extension ClientEvent {
    private static func responseParameters(_ instructions: String?, _ isSpoken: Bool) -> [String: JSONValue] {
        var parameters: [String: JSONValue] = [:]
        if let instructions { parameters["instructions"] = .string(instructions) }
        if !isSpoken { parameters["output_modalities"] = ["text"] }
        return parameters.isEmpty ? [:] : ["response": .object(parameters)]
    }
}

extension ClientEvent.SessionUpdate {
    fileprivate var json: JSONValue {
        var session: [String: JSONValue] = ["type": "realtime"]
        if let instructions { session["instructions"] = .string(instructions) }
        if let tools {
            session["tools"] = .array(tools.map(\.json))
            session["tool_choice"] = "auto"
        }
        if let audio {
            // Only the first update, which fixes the format, says how the session speaks.
            if audio.format != nil { session["output_modalities"] = ["audio"] }
            session["audio"] = audio.json
        }
        if let reasoningEffort { session["reasoning"] = ["effort": .string(reasoningEffort)] }
        if let maxOutputTokens { session["max_output_tokens"] = .integer(maxOutputTokens) }
        if let truncation { session["truncation"] = truncation.json }
        return .object(session)
    }
}

extension ClientEvent.Audio {
    fileprivate var json: JSONValue {
        var input: [String: JSONValue] = [:]
        var output: [String: JSONValue] = [:]
        if let format {
            input["format"] = format.json
            output["format"] = format.json
        }
        if let noiseReduction {
            input["noise_reduction"] =
                noiseReduction == .off ? JSONValue.null : ["type": .string(noiseReduction.rawValue)]
        }
        if let transcription { input["transcription"] = transcription.json }
        if let turnDetection { input["turn_detection"] = turnDetection.json }
        if let voice { output["voice"] = .string(voice) }
        if let speed { output["speed"] = .number(speed) }
        var audio: [String: JSONValue] = [:]
        if !input.isEmpty { audio["input"] = .object(input) }
        if !output.isEmpty { audio["output"] = .object(output) }
        return .object(audio)
    }
}

extension ClientEvent.Transcription {
    fileprivate var json: JSONValue {
        var transcription: [String: JSONValue] = ["model": .string(self.model)]
        if !self.language.isEmpty { transcription["language"] = .string(self.language) }
        if !self.prompt.isEmpty { transcription["prompt"] = .string(self.prompt) }
        if !self.keywords.isEmpty { transcription["keywords"] = .array(self.keywords.map { .string($0) }) }
        return .object(transcription)
    }
}

extension ClientEvent.TurnDetection {
    fileprivate var json: JSONValue {
        var detection: [String: JSONValue] = [
            "create_response": .bool(self.createResponse), "interrupt_response": .bool(self.interruptResponse),
        ]
        switch self.kind {
        case .serverVAD(let threshold, let prefixPaddingMs, let silenceDurationMs):
            detection["type"] = "server_vad"
            detection["threshold"] = .number(threshold)
            detection["prefix_padding_ms"] = .integer(prefixPaddingMs)
            detection["silence_duration_ms"] = .integer(silenceDurationMs)
        case .semanticVAD(let eagerness):
            detection["type"] = "semantic_vad"
            detection["eagerness"] = .string(eagerness)
        }
        return .object(detection)
    }
}

extension ClientEvent.Truncation {
    fileprivate var json: JSONValue {
        switch self {
        case .auto: return "auto"
        case .disabled: return "disabled"
        case .retentionRatio(let ratio, let tokens):
            var truncation: [String: JSONValue] = ["type": "retention_ratio", "retention_ratio": .number(ratio)]
            if let tokens { truncation["token_limits"] = ["post_instructions": .integer(tokens)] }
            return .object(truncation)
        }
    }
}

extension ClientEvent.AudioFormat {
    fileprivate var json: JSONValue {
        switch self {
        case .pcm24k: ["type": .string(self.rawValue), "rate": 24000]
        case .pcmu: ["type": .string(self.rawValue)]
        }
    }
}

extension ClientEvent.Tool {
    fileprivate var json: JSONValue {
        [
            "type": "function", "name": .string(self.name), "description": .string(self.description),
            "parameters": self.parameters,
        ]
    }
}

extension ClientEvent.NewItem {
    fileprivate var json: JSONValue {
        let (id, item): (String?, [String: JSONValue]) =
            switch self {
            case .systemText(let id, let text): (id, Self.message("system", "input_text", text))
            case .userText(let id, let text): (id, Self.message("user", "input_text", text))
            case .assistantText(let id, let text): (id, Self.message("assistant", "output_text", text))
            case .functionCall(let id, let callID, let name, let arguments):
                (
                    id,
                    [
                        "type": "function_call", "call_id": .string(callID), "name": .string(name),
                        "arguments": .string(arguments),
                    ]
                )
            case .functionCallOutput(let id, let callID, let output):
                (
                    id,
                    ["type": "function_call_output", "call_id": .string(callID), "output": .string(output)]
                )
            }
        return .object(id.map { item.merging(["id": .string($0)]) { $1 } } ?? item)
    }

    private static func message(_ role: String, _ part: String, _ text: String) -> [String: JSONValue] {
        [
            "type": "message", "role": .string(role),
            "content": [["type": .string(part), "text": .string(text)]],
        ]
    }
}
