import Speech

/// What is left of a reply of which the conversation has the beginning.
struct RestOfReply: Sendable, Equatable {
    var actions: [Action]
    /// Of the first action.
    var wordsSaid: Int
}

extension SessionMachine {
    /// The conversation ends with something that the assistant said, and the instructions quote its end: a model goes on
    /// from there, with the rest of the sentence and what it had to do after it.
    /// - Returns: nil when it is no beginning of anything in the script, or is not quoted.
    func restOfReply(quotedIn instructions: String) -> RestOfReply? {
        guard case .message(.assistant, let content)? = self.conversation.items.last?.body else { return nil }
        let text = content.compactMap(\.spokenText).joined(separator: " ")
        let said = Self.words(of: text)
        guard !said.isEmpty, Self.words(of: instructions).contains(Array(said.suffix(12))) else { return nil }
        for rule in self.script.rules {
            for (index, action) in rule.actions.enumerated() {
                guard case .say(let name, _, _) = action,
                    let whole = Speech.utterance(name).map({ Self.words(of: $0.text) }), whole.starts(with: said)
                else { continue }
                let isWhole = whole.count == said.count
                // What was to go wrong with the beginning has happened.
                let rest = (isWhole ? [] : [Action.say(name)]) + rule.actions.dropFirst(index + 1)
                return RestOfReply(actions: rest, wordsSaid: isWhole ? 0 : said.count)
            }
        }
        return nil
    }
}

extension ConversationItem.Content {
    fileprivate var spokenText: String? {
        switch self {
        case .outputText(let text): text
        case .outputAudio(let audio): audio.transcript
        case .inputText, .inputAudio, .inputImage: nil
        }
    }
}
