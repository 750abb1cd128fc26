import JSON
import Speech

extension SessionMachine {
    /// What a response of the conversation is to answer.
    enum Question {
        case known(Rule.Trigger)
        /// The recogniser still works on this item.
        case notHeardYet(item: String)
    }

    func question(for parameters: ResponseParameters) throws(Refusal) -> Question {
        guard let input = parameters.input else { return self.question(of: self.conversation.unanswered) }
        var last: ConversationItem?
        for (index, json) in input.enumerated() {
            let path = "response.input[\(index)]"
            if json["type"]?.stringValue == "item_reference" {
                guard let item = self.conversation[json["id"]?.stringValue ?? ""] else {
                    throw .invalidValue("\(path).id", "No item has this id.")
                }
                last = item
            } else {
                var item = try ConversationItem(
                    client: json,
                    id: "",
                    at: path,
                    inputFormat: self.configuration.inputFormat
                )
                item.recogniseAudio(in: self.configuration.inputFormat)
                last = item
            }
        }
        return self.question(of: last)
    }

    func question(of item: ConversationItem?) -> Question {
        guard let item else { return .known(.opening) }
        switch item.body {
        case .functionOutput(let callID, _):
            return .known(.toolOutput(self.conversation.functionName(ofCall: callID) ?? ""))
        case .functionCall, .message(.assistant, _), .message(.system, _):
            return .known(.opening)
        case .message(.user, let content):
            var utterances: [String] = []
            for part in content {
                switch part {
                case .inputAudio(let audio):
                    guard let heard = audio.utterances else { return .notHeardYet(item: item.id) }
                    utterances += heard
                case .inputText(let text):
                    if let name = Self.utterance(withText: text) { utterances.append(name) }
                default: break
                }
            }
            return .known(Self.trigger(forUtterances: utterances, in: self.script))
        }
    }

    static func trigger(forUtterances utterances: [String], in script: Script) -> Rule.Trigger {
        let known = utterances.last { name in script.rules.contains { $0.trigger == .heard(name) } }
        return (known ?? utterances.last).map { .heard($0) } ?? .unrecognised
    }

    /// The recording with these words, whatever their case, spaces and punctuation.
    private static func utterance(withText text: String) -> String? {
        let words = Self.words(of: text)
        return words.isEmpty ? nil : self.recordings[words]
    }

    private static let recordings = Dictionary(
        Speech.all.filter { !$0.text.isEmpty }.map { (Self.words(of: $0.text), $0.name) },
        uniquingKeysWith: { first, _ in first }
    )

    static func words(of text: String) -> [Substring] {
        text.lowercased().split { !$0.isLetter && !$0.isNumber }.map { Substring($0) }
    }
}

extension ConversationItem {
    /// At once: an item that is in no conversation is not waited for.
    fileprivate mutating func recogniseAudio(in format: AudioFormat) {
        guard case .message(.user, var content) = self.body else { return }
        for (index, part) in content.enumerated() {
            guard case .inputAudio(var audio) = part else { continue }
            let samples = InputAudio.samples(of: audio.bytes, in: format)
            audio.utterances = SpeechRecognizer.standard.hear(samples).utterances ?? []
            content[index] = .inputAudio(audio)
        }
        self.body = .message(.user, content)
    }
}
