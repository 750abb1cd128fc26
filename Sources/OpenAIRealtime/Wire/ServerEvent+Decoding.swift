import FoundationEssentials
import JSON
package import NIOCore

extension ServerEvent {
    /// Reads one text message. Audio deltas, which are nearly all of the bytes, are found and decoded in place;
    /// everything else goes through a JSON decoder.
    /// - Throws: for bytes that are not a JSON object with a `type`, and for a field that the event cannot do without.
    package init(message: ByteBuffer) throws(RealtimeMessageError) {
        let text = message.readableBytesUInt8Span
        let found: AudioDeltaMembers
        do { found = try AudioDeltaMembers(text) } catch { throw RealtimeMessageError(.notJSON) }
        guard let type = found.type else { throw RealtimeMessageError(.noType) }
        if type == ServerEventType.outputAudioDelta.rawValue {
            self = .outputAudioDelta(try found.delta(in: text))
            return
        }
        guard let known = ServerEventType(rawValue: type) else {
            self = .unknown(type: type)
            return
        }
        guard let json = try? JSONValue(parsing: message.readableBytesView) else {
            throw RealtimeMessageError(.notJSON, field: type)
        }
        self = try Self(known, json)
    }
}

/// The members of an audio delta, as far as they were met.
private struct AudioDeltaMembers {
    private(set) var type: String?
    private var responseID = ""
    private var itemID = ""
    private var contentIndex = 0
    private var audio: JSONScanner.RawString?

    init(_ text: Span<UInt8>) throws(JSONScanner.SyntaxError) {
        try JSONScanner.object(text) { (key, at) throws(JSONScanner.SyntaxError) in
            if JSONScanner.equals(key, "content_index", in: text), !JSONScanner.isString(text, at) {
                self.contentIndex = try JSONScanner.unsigned(text, &at).flatMap(Int.init(exactly:)) ?? 0
                return
            }
            guard JSONScanner.isString(text, at) else { return try JSONScanner.skipValue(text, &at) }
            let value = try JSONScanner.string(text, &at)
            if JSONScanner.equals(key, "delta", in: text) {
                self.audio = value
            } else if JSONScanner.equals(key, "type", in: text) {
                self.type = JSONScanner.value(of: value, in: text)
            } else if JSONScanner.equals(key, "item_id", in: text) {
                self.itemID = JSONScanner.value(of: value, in: text) ?? ""
            } else if JSONScanner.equals(key, "response_id", in: text) {
                self.responseID = JSONScanner.value(of: value, in: text) ?? ""
            }
        }
    }

    func delta(in text: Span<UInt8>) throws(RealtimeMessageError) -> ServerEvent.AudioDelta {
        guard let value = self.audio, !self.itemID.isEmpty else {
            throw RealtimeMessageError(.badField, field: ServerEventType.outputAudioDelta.rawValue)
        }
        guard let audio = JSONScanner.base64(value, in: text) else {
            throw RealtimeMessageError(.badBase64, field: ServerEventType.outputAudioDelta.rawValue)
        }
        let part = ServerEvent.Part(responseID: self.responseID, itemID: self.itemID, contentIndex: self.contentIndex)
        return ServerEvent.AudioDelta(part: part, audio: audio)
    }
}

extension ServerEvent {
    private init(_ type: ServerEventType, _ json: JSONValue) throws(RealtimeMessageError) {
        func required(_ key: String) throws(RealtimeMessageError) -> String {
            guard let value = json[key]?.stringValue else { throw RealtimeMessageError(.badField, field: key) }
            return value
        }
        func part() throws(RealtimeMessageError) -> Part {
            Part(
                responseID: json["response_id"]?.stringValue ?? "",
                itemID: try required("item_id"),
                contentIndex: json["content_index"]?.intValue ?? 0
            )
        }
        let previous = json["previous_item_id"]?.stringValue
        let text = json["delta"]?.stringValue ?? json["transcript"]?.stringValue ?? ""
        switch type {
        case .sessionCreated: self = .sessionCreated(Session(json["session"]))
        case .sessionUpdated: self = .sessionUpdated(Session(json["session"]))
        case .itemAdded: self = .itemAdded(try Item(json["item"]), previousItemID: previous)
        case .itemDone: self = .itemDone(try Item(json["item"]), previousItemID: previous)
        case .itemTruncated:
            let end = json["audio_end_ms"]?.intValue ?? 0
            self = .itemTruncated(itemID: try required("item_id"), audioEndMs: end)
        case .itemDeleted: self = .itemDeleted(itemID: try required("item_id"))
        case .inputTranscriptionDelta: self = .inputTranscriptionDelta(itemID: try required("item_id"), delta: text)
        case .inputTranscriptionCompleted:
            let usage = json["usage"].flatMap(TranscriptionUsage.init)
            self = .inputTranscriptionCompleted(itemID: try required("item_id"), transcript: text, usage: usage)
        case .inputTranscriptionFailed:
            let code = json["error"]?["code"]?.stringValue
            self = .inputTranscriptionFailed(itemID: try required("item_id"), code: code)
        case .inputCommitted: self = .inputCommitted(itemID: try required("item_id"), previousItemID: previous)
        case .speechStarted:
            let start = json["audio_start_ms"]?.intValue ?? 0
            self = .speechStarted(itemID: try required("item_id"), audioStartMs: start)
        case .speechStopped:
            let end = json["audio_end_ms"]?.intValue ?? 0
            self = .speechStopped(itemID: try required("item_id"), audioEndMs: end)
        case .responseCreated: self = .responseCreated(try Response(json["response"]))
        case .responseDone: self = .responseDone(try Response(json["response"]))
        case .outputItemAdded: self = .outputItemAdded(responseID: try required("response_id"), try Item(json["item"]))
        case .outputItemDone: self = .outputItemDone(responseID: try required("response_id"), try Item(json["item"]))
        case .outputAudioDone: self = .outputAudioDone(try part())
        case .outputTranscriptDelta: self = .outputTranscriptDelta(try part(), delta: text)
        case .outputTranscriptDone: self = .outputTranscriptDone(try part(), transcript: text)
        case .rateLimitsUpdated: self = .rateLimitsUpdated((json["rate_limits"]?.arrayValue ?? []).map(RateLimit.init))
        case .error: self = .error(Failure(json["error"]))
        default: self = .other(type)
        }
    }
}

extension ServerEvent.Session {
    fileprivate init(_ json: JSONValue?) {
        self.id = json?["id"]?.stringValue ?? ""
        self.model = json?["model"]?.stringValue ?? ""
        self.expiresAt = json?["expires_at"]?.intValue ?? 0
        self.inputFormat = json?["audio"]?["input"]?["format"]?["type"]?.stringValue
        self.outputFormat = json?["audio"]?["output"]?["format"]?["type"]?.stringValue
    }
}

extension ServerEvent.Item {
    fileprivate init(_ json: JSONValue?) throws(RealtimeMessageError) {
        guard let json, let type = json["type"]?.stringValue else {
            throw RealtimeMessageError(.badField, field: "item")
        }
        self.id = json["id"]?.stringValue ?? ""
        self.type = type
        self.role = json["role"]?.stringValue
        self.status = json["status"]?.stringValue
        self.text = (json["content"]?.arrayValue ?? []).compactMap { content in
            content["transcript"]?.stringValue ?? content["text"]?.stringValue
        }.joined(separator: " ")
        self.callID = json["call_id"]?.stringValue
        self.name = json["name"]?.stringValue
        self.arguments = json["arguments"]?.stringValue
    }
}

extension ServerEvent.Response {
    fileprivate init(_ json: JSONValue?) throws(RealtimeMessageError) {
        guard let json, let id = json["id"]?.stringValue else {
            throw RealtimeMessageError(.badField, field: "response")
        }
        self.id = id
        self.status = json["status"]?.stringValue ?? ""
        // An item without a type says nothing.
        self.output = (json["output"]?.arrayValue ?? []).compactMap { try? ServerEvent.Item($0) }
        self.usage = json["usage"].flatMap(TokenUsage.init)
        self.failure = json["status_details"]?["error"].flatMap { error in
            error.objectValue == nil ? nil : ServerEvent.Failure(error)
        }
    }
}

extension ServerEvent.RateLimit {
    fileprivate init(_ json: JSONValue) {
        self.name = json["name"]?.stringValue ?? ""
        self.limit = json["limit"]?.intValue ?? 0
        self.remaining = json["remaining"]?.intValue ?? 0
        self.resetSeconds = json["reset_seconds"]?.doubleValue ?? 0
    }
}

extension TranscriptionUsage {
    /// nil for null.
    fileprivate init?(_ json: JSONValue) {
        guard json.objectValue != nil else { return nil }
        self.inputText = count(json["input_token_details"]?["text_tokens"])
        self.inputAudio = count(json["input_token_details"]?["audio_tokens"])
        self.output = count(json["output_tokens"])
        self.seconds = max(0, json["seconds"]?.doubleValue ?? 0)
    }
}

extension ServerEvent.Failure {
    fileprivate init(_ json: JSONValue?) {
        self.type = json?["type"]?.stringValue ?? ""
        self.code = json?["code"]?.stringValue
        self.message = json?["message"]?.stringValue ?? ""
        self.param = json?["param"]?.stringValue
        self.eventID = json?["event_id"]?.stringValue
    }
}

/// Not negative, and less than anything could cost.
private func count(_ tokens: JSONValue?) -> Int { min(max(0, tokens?.intValue ?? 0), 1_000_000_000) }

extension TokenUsage {
    /// nil for null.
    fileprivate init?(_ json: JSONValue) {
        guard json.objectValue != nil else { return nil }
        let input = json["input_token_details"]
        let output = json["output_token_details"]
        self.inputText = count(input?["text_tokens"])
        self.inputAudio = count(input?["audio_tokens"])
        self.cachedText = count(input?["cached_tokens_details"]?["text_tokens"])
        self.cachedAudio = count(input?["cached_tokens_details"]?["audio_tokens"])
        self.outputText = count(output?["text_tokens"])
        self.outputAudio = count(output?["audio_tokens"])
    }
}
