import JSON

/// The items of a session in their order.
struct Conversation: Sendable {
    private(set) var items: [ConversationItem] = []

    var lastID: String? { self.items.last?.id }

    func index(of id: String) -> Int? {
        self.items.lastIndex { $0.id == id }
    }

    subscript(id: String) -> ConversationItem? {
        get { self.index(of: id).map { self.items[$0] } }
        set {
            guard let index = self.index(of: id) else { return }
            if let newValue { self.items[index] = newValue } else { self.items.remove(at: index) }
        }
    }

    /// The id of the item before `id`.
    func predecessor(of id: String) -> String? {
        self.index(of: id).flatMap { $0 > 0 ? self.items[$0 - 1].id : nil }
    }

    /// - Parameter previous: an id, `root` for the beginning, nil for the end.
    /// - Throws: when the id of `item` is taken, `previous` is unknown, or an output has no call.
    mutating func insert(_ item: ConversationItem, after previous: String? = nil) throws(Refusal) {
        guard self.index(of: item.id) == nil else {
            throw Refusal(
                code: "item_create_duplicate_item_id",
                message: "An item with the id '\(item.id)' exists.",
                param: "item.id"
            )
        }
        if case .functionOutput(let callID, _) = item.body, self.functionName(ofCall: callID) == nil {
            throw Refusal(
                code: "invalid_tool_call_id",
                message: "Tool call ID '\(callID)' not found in conversation."
            )
        }
        switch previous {
        case nil: self.items.append(item)
        case "root": self.items.insert(item, at: 0)
        case let previous?:
            guard let index = self.index(of: previous) else {
                throw .invalidValue("previous_item_id", "No item has the id '\(previous)'.")
            }
            self.items.insert(item, at: index + 1)
        }
    }

    func functionName(ofCall id: String) -> String? {
        for item in self.items.reversed() {
            if case .functionCall(id, let name, _) = item.body { return name }
        }
        return nil
    }

    /// Lets go of the caller's audio, but for the newest, about `limit` bytes: a call may last long.
    mutating func forgetAudio(keeping limit: Int) {
        var kept = 0
        for index in self.items.indices.reversed() {
            guard case .message(.user, var content) = self.items[index].body else { continue }
            for part in content.indices {
                guard case .inputAudio(var audio) = content[part] else { continue }
                guard kept >= limit else {
                    kept += audio.bytes.count
                    continue
                }
                audio.bytes = []
                content[part] = .inputAudio(audio)
                self.items[index].body = .message(.user, content)
            }
        }
    }

    /// The newest thing that the assistant has not reacted to: an input or a function's output after all that it said.
    var unanswered: ConversationItem? {
        for item in self.items.reversed() {
            if item.isAssistants { return nil }
            if case .message(.system, _) = item.body { continue }
            return item
        }
        return nil
    }
}

extension ConversationItem {
    /// - Parameters:
    ///   - json: a checked item of a client event.
    ///   - path: where it is in the event.
    /// - Throws: when audio is not base64, or when what it answers cannot exist here.
    init(
        client json: JSONValue,
        id: @autoclosure () -> String,
        at path: String,
        inputFormat: AudioFormat
    ) throws(Refusal) {
        self.id = json["id"]?.stringValue ?? id()
        self.status = json["status"]?.stringValue.flatMap(Status.init(rawValue:)) ?? .completed
        let callID = json["call_id"]?.stringValue
        switch json["type"]?.stringValue {
        case "message":
            let role = json["role"]?.stringValue.flatMap(Role.init(rawValue:)) ?? .user
            var content: [Content] = []
            for (index, part) in (json["content"]?.arrayValue ?? []).enumerated() {
                content.append(try Content(client: part, at: "\(path).content[\(index)]", inputFormat: inputFormat))
            }
            self.body = .message(role, content)
        case "function_call":
            self.body = .functionCall(
                callID: callID ?? "call_\(self.id)",
                name: json["name"]?.stringValue ?? "",
                arguments: json["arguments"]?.stringValue ?? ""
            )
        case "function_call_output":
            self.body = .functionOutput(callID: callID ?? "", output: json["output"]?.stringValue ?? "")
        default:
            let request = json["approval_request_id"]?.stringValue ?? ""
            throw .invalidValue("\(path).approval_request_id", "No approval was requested as '\(request)'.")
        }
    }
}

extension ConversationItem.Content {
    fileprivate init(client json: JSONValue, at path: String, inputFormat: AudioFormat) throws(Refusal) {
        let text = json["text"]?.stringValue ?? ""
        switch json["type"]?.stringValue {
        case "output_text": self = .outputText(text)
        case "input_audio":
            guard let bytes = Base64.decodePadded(json["audio"]?.stringValue ?? "") else {
                throw .invalidValue("\(path).audio", "The audio is not valid base64.")
            }
            self = .inputAudio(
                .init(
                    bytes: bytes,
                    milliseconds: bytes.count / inputFormat.bytesPerMillisecond,
                    transcript: json["transcript"]?.stringValue
                )
            )
        case "input_image":
            let url = json["image_url"]?.stringValue ?? ""
            guard url.hasPrefix("data:image/") else {
                throw .invalidValue("\(path).image_url", "The image is not a data URI.")
            }
            self = .inputImage(url: url, detail: json["detail"]?.stringValue ?? "auto")
        default: self = .inputText(text)
        }
    }
}
