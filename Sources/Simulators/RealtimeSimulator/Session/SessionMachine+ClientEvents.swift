import JSON
import NIOCore

extension SessionMachine {
    mutating func receivedBinary(now: Instant) {
        self.emit(
            Refusal(code: "invalid_event", message: "Only text messages with a JSON event are accepted.")
        )
    }

    mutating func received(_ message: ByteBuffer, now: Instant) {
        guard !self.isEnded else { return }
        self.now = now
        self.facts.eventsReceived += 1
        let text = message.readableBytesUInt8Span
        let audio = AudioAppend(text).flatMap { Base64.decodePadded(text.extracting($0.audio)) }
        if let audio {
            self.append(audio, now: now)
        } else {
            self.receivedEvent(message, now: now)
        }
        let (received, heardMs) = (self.facts.eventsReceived, self.facts.appendedMs)
        self.checkFaults { moment in
            switch moment {
            case .received(let events): received >= events
            case .heard(let milliseconds): heardMs >= milliseconds
            default: false
            }
        }
    }

    private mutating func receivedEvent(_ message: ByteBuffer, now: Instant) {
        guard let event = try? JSONValue(parsing: message.readableBytesView) else {
            self.emit(Refusal(code: "invalid_json", message: "The message is not valid JSON."))
            return
        }
        let eventID = event["event_id"]?.stringValue
        do throws(Refusal) {
            let type = try Self.checkedType(of: event)
            self.note(event, type: type)
            try self.handle(event, type: type, now: now)
        } catch {
            self.emit(error, clientEventID: eventID)
        }
    }

    /// - Returns: the type of an event whose shape is right.
    private static func checkedType(of event: JSONValue) throws(Refusal) -> String {
        guard case .object(var members) = event else {
            throw Refusal(code: "invalid_event", message: "An event is a JSON object.")
        }
        guard let type = members["type"] else { throw .missingParameter("type") }
        guard let name = type.stringValue, let shape = Shape.clientEvents[name] else {
            throw .invalidValue("type", "Invalid value: \(type.text).")
        }
        if let eventID = members["event_id"] { try Shape.eventID.check(eventID, at: "event_id") }
        members["type"] = nil
        members["event_id"] = nil
        try Shape.object(shape.members, required: shape.required).check(.object(members), at: "")
        return name
    }

    private mutating func note(_ event: JSONValue, type: String) {
        if self.facts.clientEvents.count >= 10_000 { self.facts.clientEvents.removeFirst(1000) }
        self.facts.clientEvents.append(.init(type: type, body: event))
    }

    private mutating func handle(_ event: JSONValue, type: String, now: Instant) throws(Refusal) {
        let itemID = event["item_id"]?.stringValue ?? ""
        switch type {
        case "session.update":
            try self.updateSession(event["session"] ?? [:])
        case "input_audio_buffer.append":
            guard let bytes = Base64.decodePadded(event["audio"]?.stringValue ?? "") else {
                throw .invalidValue("audio", "The audio is not valid base64.")
            }
            self.append(bytes, now: now)
        case "input_audio_buffer.commit":
            try self.commit(now: now)
        case "input_audio_buffer.clear":
            self.input.clear()
            self.speechItem = nil
            self.emit("input_audio_buffer.cleared")
        case "conversation.item.create":
            try self.createItem(event["item"] ?? [:], after: event["previous_item_id"]?.stringValue)
        case "conversation.item.retrieve":
            guard let item = self.conversation[itemID] else { throw Self.unknownItem(itemID, "item_retrieve") }
            self.emit("conversation.item.retrieved", ["item": item.wire(withAudio: true)])
        case "conversation.item.truncate":
            try self.truncate(itemID, event)
        case "conversation.item.delete":
            guard self.conversation[itemID] != nil else { throw Self.unknownItem(itemID, "item_delete") }
            self.conversation[itemID] = nil
            self.emit("conversation.item.deleted", ["item_id": .string(itemID)])
        case "response.create":
            try self.createResponse(event["response"]?.present, now: now)
        case "response.cancel":
            try self.cancelResponse(id: event["response_id"]?.stringValue, now: now)
        default:
            break
        }
    }

    private static func unknownItem(_ id: String, _ operation: String) -> Refusal {
        Refusal(code: "\(operation)_invalid_item_id", message: "No item has the id '\(id)'.", param: "item_id")
    }

    private mutating func updateSession(_ update: JSONValue) throws(Refusal) {
        self.configuration = try self.configuration.updated(by: update, hasSpoken: self.hasSpoken)
        if let forcedFormat { self.configuration.outputFormat = forcedFormat }
        self.input.configure(
            format: self.configuration.inputFormat,
            detection: self.configuration.turnDetection
        )
        if !self.input.isSpeaking { self.speechItem = nil }
        if self.configuration.turnDetection?.idleTimeout == nil { self.cancelIdleTimer() }
        self.emit("session.updated", ["session": self.configuration.wire])
    }

    private mutating func createItem(_ json: JSONValue, after previous: String?) throws(Refusal) {
        var item = try ConversationItem(
            client: json,
            id: self.nextID("item_"),
            at: "item",
            inputFormat: self.configuration.inputFormat
        )
        // What the client creates is whole, whatever it says.
        item.status = item.status == .inProgress ? .completed : item.status
        try self.conversation.insert(item, after: previous)
        self.announce(item)
        if case .message(.user, let content) = item.body {
            for case .inputAudio(let audio) in content {
                let samples = InputAudio.samples(of: audio.bytes, in: self.configuration.inputFormat)
                self.output(.hear(item: item.id, samples))
            }
        }
    }

    /// The two events with which an item that is complete at once enters the conversation.
    mutating func announce(_ item: ConversationItem) {
        let members: Wire = [
            "previous_item_id": Wire(self.conversation.predecessor(of: item.id)), "item": item.wire(),
        ]
        self.emit("conversation.item.added", members)
        self.emit("conversation.item.done", members)
    }

    private mutating func truncate(_ id: String, _ event: JSONValue) throws(Refusal) {
        guard var item = self.conversation[id] else { throw Self.unknownItem(id, "item_truncate") }
        guard case .message(.assistant, var content) = item.body else {
            throw .invalidValue("item_id", "Only assistant messages can be truncated.")
        }
        let index = event["content_index"]?.intValue ?? 0
        guard content.indices.contains(index), case .outputAudio(var audio) = content[index] else {
            throw .invalidValue("content_index", "No audio content has the index \(index).")
        }
        let end = event["audio_end_ms"]?.intValue ?? 0
        let length = audio.milliseconds
        guard end <= length else {
            throw Refusal(
                code: "invalid_value",
                message: "Audio content of \(length)ms is already shorter than \(end)ms"
            )
        }
        audio.count = end * audio.format.bytesPerMillisecond
        audio.transcript = nil
        content[index] = .outputAudio(audio)
        item.body = .message(.assistant, content)
        self.conversation[id] = item
        self.facts.truncations.append(.init(itemID: id, audioEndMs: end, itemMs: length))
        self.emit(
            "conversation.item.truncated",
            ["item_id": .string(id), "content_index": .integer(index), "audio_end_ms": .integer(end)]
        )
    }
}
