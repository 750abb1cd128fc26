import JSON
import Speech

extension SessionMachine {
    /// Bytes of the caller's audio that items keep for `conversation.item.retrieve`: a minute of PCM.
    private static let keptAudio = 60 * 48_000

    mutating func append(_ bytes: [UInt8], now: Instant) {
        self.facts.appends += 1
        // In pieces of 20 ms, so that a turn ends where it ends, however much comes at once.
        let piece = 20 * self.input.format.bytesPerMillisecond
        var start = 0
        repeat {
            let end = min(start + piece, bytes.count)
            for event in self.input.append(bytes[start..<end]) { self.detected(event, now: now) }
            start = end
        } while start < bytes.count
        self.facts.appendedMs = self.input.end / 8
    }

    private mutating func detected(_ event: VoiceDetector.Event, now: Instant) {
        switch event {
        case .started(let position):
            let item = self.nextID("item_")
            self.speechItem = item
            self.speechStart = self.input.padded(position)
            self.cancelIdleTimer()
            self.emit(
                "input_audio_buffer.speech_started",
                ["audio_start_ms": .integer(self.speechStart / 8), "item_id": .string(item)]
            )
            if self.configuration.turnDetection?.interruptsResponse ?? false {
                for response in self.responses where !response.parameters.isOutOfBand {
                    self.end(response.id, status: "cancelled", reason: "turn_detected", now: now)
                }
            }
        case .paused:
            // A finished sentence ends the turn at once; anything else is waited for.
            guard case .semantic = self.configuration.turnDetection?.kind else { return }
            if SpeechRecognizer.standard.hear(self.input.collected).utterances != nil { self.speechStopped(now: now) }
        case .stopped:
            self.speechStopped(now: now)
        }
    }

    private mutating func speechStopped(now: Instant) {
        guard let item = self.speechItem else { return }
        self.emit(
            "input_audio_buffer.speech_stopped",
            ["audio_end_ms": .integer(self.input.end / 8), "item_id": .string(item)]
        )
        self.commitTurn(self.input.take(from: self.speechStart), item: item, now: now)
        guard self.configuration.turnDetection?.createsResponse ?? false else { return }
        do {
            try self.createResponse(nil, now: now)
        } catch {
            self.emit(error)
        }
    }

    /// The client's commit: it makes an item and no response.
    mutating func commit(now: Instant) throws(Refusal) {
        let length = (self.input.end - self.input.start) / 8
        guard length >= 100 else {
            throw Refusal(
                code: "input_audio_buffer_commit_empty",
                message: "The buffer holds too little audio: \(length) ms of the 100 that are needed."
            )
        }
        self.commitTurn(self.input.take(), item: self.speechItem ?? self.nextID("item_"), now: now)
    }

    private mutating func commitTurn(_ turn: InputAudio.Turn, item id: String, now: Instant) {
        self.speechItem = nil
        self.emit(
            "input_audio_buffer.committed",
            ["previous_item_id": Wire(self.conversation.lastID), "item_id": .string(id)]
        )
        let audio = ConversationItem.InputAudioContent(
            bytes: turn.bytes,
            milliseconds: (turn.end - turn.start) / 8
        )
        let item = ConversationItem(id: id, status: .completed, body: .message(.user, [.inputAudio(audio)]))
        // The id is new, so that this cannot fail.
        try? self.conversation.insert(item)
        self.conversation.forgetAudio(keeping: Self.keptAudio)
        self.announce(item)
        self.facts.turns.append(.init(itemID: id, startMs: turn.start / 8, endMs: turn.end / 8))
        self.output(.hear(item: id, turn.samples))
        if self.configuration.transcription != nil {
            self.schedule(.transcript(item: id), at: now + .milliseconds(self.script.transcriptionMs))
        }
    }

    /// The recogniser is done with an item.
    mutating func heard(_ hearing: Hearing, item id: String, now: Instant) {
        self.now = now
        if let turn = self.facts.turns.lastIndex(where: { $0.itemID == id }) {
            self.facts.turns[turn].hearing = hearing
        }
        if var item = self.conversation[id], case .message(.user, var content) = item.body {
            for (index, part) in content.enumerated() {
                guard case .inputAudio(var audio) = part else { continue }
                audio.utterances = hearing.utterances ?? []
                content[index] = .inputAudio(audio)
            }
            item.body = .message(.user, content)
            self.conversation[id] = item
        }
        for index in self.responses.indices where self.responses[index].awaitedItem == id {
            self.responses[index].awaitedItem = nil
            let trigger = Self.trigger(forUtterances: hearing.utterances ?? [], in: self.script)
            self.plan(index, trigger: trigger, now: now)
        }
    }

    /// Sends the transcript of a turn, in two pieces and whole, once the recogniser is done.
    mutating func transcribe(_ id: String, now: Instant) {
        guard let turn = self.facts.turns.last(where: { $0.itemID == id }) else { return }
        guard let hearing = turn.hearing else {
            self.schedule(.transcript(item: id), at: now + .milliseconds(10))
            return
        }
        let text = hearing.text
        if var item = self.conversation[id], case .message(.user, let content) = item.body,
            case .inputAudio(var audio)? = content.first
        {
            audio.transcript = text
            item.body = .message(.user, [.inputAudio(audio)])
            self.conversation[id] = item
        }
        let type = "conversation.item.input_audio_transcription"
        let middle = text.index(text.startIndex, offsetBy: text.count / 2)
        for piece in [text[..<middle], text[middle...]] where !piece.isEmpty {
            self.emit(
                "\(type).delta",
                self.withLogprobs(
                    ["item_id": .string(id), "content_index": 0, "delta": .string(String(piece))],
                    of: String(piece)
                )
            )
        }
        let (audioTokens, textTokens) = ((turn.endMs - turn.startMs) / 100, text.utf8.count / 4 + 1)
        self.emit(
            "\(type).completed",
            self.withLogprobs(
                [
                    "item_id": .string(id), "content_index": 0, "transcript": .string(text),
                    "usage": [
                        "type": "tokens", "total_tokens": .integer(audioTokens + textTokens),
                        "input_tokens": .integer(audioTokens), "output_tokens": .integer(textTokens),
                        "input_token_details": ["text_tokens": 0, "audio_tokens": .integer(audioTokens)],
                    ],
                ],
                of: text
            )
        )
    }

    private func withLogprobs(_ event: Wire, of text: String) -> Wire {
        guard self.configuration.includesLogprobs, case .object(let members) = event else { return event }
        let token: Wire = [
            "token": .string(text), "bytes": .array(text.utf8.map { .integer(Int($0)) }), "logprob": .number(-0.01),
        ]
        return .object(members + [("logprobs", text.isEmpty ? [] : [token])])
    }

    /// Nobody spoke for the idle time-out: the silence is committed and answered.
    mutating func idleTimedOut(now: Instant) {
        guard !self.input.isSpeaking, self.activeResponse == nil, let last = self.configuration.turnDetection,
            let timeout = last.idleTimeout
        else { return }
        let item = self.nextID("item_")
        let end = self.input.end / 8
        self.emit(
            "input_audio_buffer.timeout_triggered",
            [
                "audio_start_ms": .integer(max(0, end - Int(timeout / .milliseconds(1)))),
                "audio_end_ms": .integer(end), "item_id": .string(item),
            ]
        )
        self.commitTurn(self.input.take(), item: item, now: now)
        self.startResponse(ResponseParameters(nil, session: self.configuration), answering: .idle, now: now)
    }
}
