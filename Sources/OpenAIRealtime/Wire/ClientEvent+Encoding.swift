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
            session["output_modalities"] = ["audio"]
            session["audio"] = audio.json
        }
        return .object(session)
    }
}

extension ClientEvent.Audio {
    fileprivate var json: JSONValue {
        [
            "input": [
                "format": self.format.json,
                "noise_reduction": JSONValue.null,
                "transcription": [
                    "model": .string(self.transcription.model), "language": .string(self.transcription.language),
                ],
                "turn_detection": [
                    "type": "server_vad",
                    "threshold": .number(self.turnDetection.threshold),
                    "prefix_padding_ms": .integer(self.turnDetection.prefixPaddingMs),
                    "silence_duration_ms": .integer(self.turnDetection.silenceDurationMs),
                    "create_response": .bool(self.turnDetection.createResponse),
                    "interrupt_response": .bool(self.turnDetection.interruptResponse),
                ],
            ],
            "output": ["format": self.format.json, "voice": .string(self.voice)],
        ]
    }
}

extension ClientEvent.AudioFormat {
    fileprivate var json: JSONValue {
        switch self {
        case .pcm24k: ["type": "audio/pcm", "rate": 24000]
        case .pcmu: ["type": "audio/pcmu"]
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
