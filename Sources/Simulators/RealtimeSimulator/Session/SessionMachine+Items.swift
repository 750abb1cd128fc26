import NIOCore

/// The output items of responses, from their beginning over their deltas to their end.
extension SessionMachine {
    mutating func beginMessage(_ speech: AgentSpeech, of index: Int) {
        let parameters = self.responses[index].parameters
        let isAudio = parameters.modality == "audio"
        let item = ConversationItem(
            id: self.nextID("item_"),
            status: .inProgress,
            body: .message(.assistant, [])
        )
        self.responses[index].spoken = ""
        self.begin(item, of: index)
        self.facts.responses[self.responses[index].fact].said.append(speech.name)
        self.emit(
            "response.content_part.added",
            self.partMembers(
                of: index,
                [("part", isAudio ? ["type": "audio", "transcript": ""] : ["type": "text", "text": ""])]
            )
        )
        let content: ConversationItem.Content =
            isAudio
            ? .outputAudio(.init(source: speech.bytes, count: 0, transcript: "", format: parameters.format))
            : .outputText("")
        self.change(index) { $0.body = .message(.assistant, [content]) }
    }

    mutating func beginCall(_ name: String, of index: Int) {
        let item = ConversationItem(
            id: self.nextID("item_"),
            status: .inProgress,
            body: .functionCall(callID: self.nextID("call_"), name: name, arguments: "")
        )
        self.responses[index].arguments = ""
        self.facts.responses[self.responses[index].fact].called.append(name)
        self.begin(item, of: index)
    }

    private mutating func begin(_ item: ConversationItem, of index: Int) {
        self.responses[index].output.append(item)
        self.emit("response.output_item.added", self.itemMembers(of: index))
        guard !self.responses[index].parameters.isOutOfBand else { return }
        // The id is new, so that this cannot fail.
        try? self.conversation.insert(item)
        self.emit(
            "conversation.item.added",
            ["previous_item_id": Wire(self.conversation.predecessor(of: item.id)), "item": item.wire()]
        )
    }

    mutating func say(_ word: String, of index: Int) {
        self.responses[index].spoken += word
        self.responses[index].outputTokens.text += word.utf8.count / 4 + 1
        let isAudio = self.responses[index].parameters.modality == "audio"
        let spoken = self.responses[index].spoken
        self.change(index) { item in
            guard case .message(.assistant, let content) = item.body else { return }
            if case .outputAudio(var audio)? = content.first {
                audio.transcript = spoken
                item.body = .message(.assistant, [.outputAudio(audio)])
            } else {
                item.body = .message(.assistant, [.outputText(spoken)])
            }
        }
        self.emit(
            isAudio ? "response.output_audio_transcript.delta" : "response.output_text.delta",
            self.partMembers(of: index, [("delta", .string(word)), ("obfuscation", .string(self.padding()))])
        )
    }

    /// Written without the detour over `Wire`: these events are most of what is sent.
    mutating func play(_ delta: AgentSpeech.Delta, of index: Int) {
        guard let item = self.responses[index].output.last else { return }
        var sent = 0
        self.change(index) { item in
            guard case .message(.assistant, let content) = item.body, case .outputAudio(var audio)? = content.first
            else { return }
            sent = delta.end - audio.count
            audio.count = delta.end
            item.body = .message(.assistant, [.outputAudio(audio)])
        }
        self.hasSpoken = true
        let milliseconds = sent / self.responses[index].parameters.format.bytesPerMillisecond
        self.facts.responses[self.responses[index].fact].audioMs += milliseconds
        self.responses[index].outputTokens.audio += (milliseconds + 49) / 50

        var buffer = ByteBuffer()
        buffer.reserveCapacity(delta.text.readableBytes + 320)
        buffer.writeStaticString(#"{"type":"response.output_audio.delta","event_id":""#)
        buffer.writeString(self.nextID("event_"))
        buffer.writeStaticString(#"","response_id":""#)
        buffer.writeString(self.responses[index].id)
        buffer.writeStaticString(#"","item_id":""#)
        buffer.writeString(item.id)
        buffer.writeString(#"","output_index":\#(self.responses[index].output.count - 1),"content_index":0,"delta":""#)
        buffer.writeImmutableBuffer(delta.text)
        buffer.writeStaticString(#"","obfuscation":""#)
        buffer.writeString(self.padding())
        buffer.writeStaticString("\"}")
        self.emit(buffer)
    }

    mutating func giveArguments(_ text: String, of index: Int) {
        self.responses[index].arguments += text
        self.responses[index].outputTokens.text += 4
        guard case .functionCall(let callID, let name, _)? = self.responses[index].output.last?.body else { return }
        let arguments = self.responses[index].arguments
        self.change(index) { $0.body = .functionCall(callID: callID, name: name, arguments: arguments) }
        self.emit(
            "response.function_call_arguments.delta",
            self.callMembers(of: index, [("delta", .string(text)), ("obfuscation", .string(self.padding()))])
        )
    }

    /// Closes the item in progress, whatever it is.
    mutating func endItem(of index: Int, status: ConversationItem.Status) {
        self.change(index) { $0.status = status }
        let spoken = Wire.string(self.responses[index].spoken)
        switch self.responses[index].output.last?.body {
        case .message:
            if self.responses[index].parameters.modality == "audio" {
                self.emit("response.output_audio.done", self.partMembers(of: index, []))
                self.emit(
                    "response.output_audio_transcript.done",
                    self.partMembers(of: index, [("transcript", spoken)])
                )
                self.emit(
                    "response.content_part.done",
                    self.partMembers(of: index, [("part", ["type": "audio", "transcript": spoken])])
                )
            } else {
                self.emit("response.output_text.done", self.partMembers(of: index, [("text", spoken)]))
                self.emit(
                    "response.content_part.done",
                    self.partMembers(of: index, [("part", ["type": "text", "text": spoken])])
                )
            }
        case .functionCall(_, let name, let arguments):
            self.emit(
                "response.function_call_arguments.done",
                self.callMembers(of: index, [("name", .string(name)), ("arguments", .string(arguments))])
            )
        default: break
        }
        if let item = self.responses[index].output.last, self.conversation[item.id] != nil {
            self.emit(
                "conversation.item.done",
                ["previous_item_id": Wire(self.conversation.predecessor(of: item.id)), "item": item.wire()]
            )
        }
        self.emit("response.output_item.done", self.itemMembers(of: index))
    }

    /// Changes the item in progress, in the response and in the conversation.
    private mutating func change(_ index: Int, _ change: (inout ConversationItem) -> Void) {
        guard let last = self.responses[index].output.indices.last else { return }
        change(&self.responses[index].output[last])
        let item = self.responses[index].output[last]
        if !self.responses[index].parameters.isOutOfBand { self.conversation[item.id] = item }
    }

    private func itemMembers(of index: Int) -> Wire {
        let response = self.responses[index]
        return [
            "response_id": .string(response.id), "output_index": .integer(response.output.count - 1),
            "item": response.output.last?.wire() ?? nil,
        ]
    }

    private func partMembers(of index: Int, _ members: [(String, Wire)]) -> Wire {
        let response = self.responses[index]
        return .object(
            [
                ("response_id", .string(response.id)), ("item_id", Wire(response.output.last?.id)),
                ("output_index", .integer(response.output.count - 1)), ("content_index", 0),
            ] + members
        )
    }

    private func callMembers(of index: Int, _ members: [(String, Wire)]) -> Wire {
        let response = self.responses[index]
        guard case .functionCall(let callID, _, _)? = response.output.last?.body else { return nil }
        return .object(
            [
                ("response_id", .string(response.id)), ("item_id", Wire(response.output.last?.id)),
                ("output_index", .integer(response.output.count - 1)), ("call_id", .string(callID)),
            ] + members
        )
    }

    /// The text that hides from an eavesdropper how long a delta is.
    private mutating func padding() -> String {
        var random = self.random.next()
        let length = Int(random & 15)
        return String(
            decoding: (0..<length).map { _ in
                defer { random >>= 4 }
                return UInt8(ascii: "a") + UInt8(truncatingIfNeeded: random & 15)
            },
            as: UTF8.self
        )
    }
}
