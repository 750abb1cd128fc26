import Speech

/// What is left of a reply of which the conversation has the beginning.
struct RestOfReply: Sendable, Equatable {
    var actions: [Action]
    /// Of the first action.
    var wordsSaid: Int
}

extension SessionMachine {
    /// The conversation ends with something that the assistant said, perhaps in several pieces, and the instructions
    /// quote its end: a model goes on from there, with the rest of the sentence and what it had to do after it.
    /// - Returns: nil when it is no beginning of anything in the script, or is not quoted.
    func restOfReply(quotedIn instructions: String) -> RestOfReply? {
        let pieces = self.conversation.items.reversed().prefix(while: \.isAssistants).map(\.spokenWords)
        guard let last = pieces.first, !last.isEmpty,
            Self.words(of: instructions).contains(Array(last.suffix(12)))
        else { return nil }
        var rules = self.script.rules
        // Replies may begin with the same words.
        if case .known(let asked) = self.question(of: self.conversation.items.dropLast(pieces.count).last) {
            rules = rules.filter { $0.trigger == asked } + rules
        }
        var said: [Substring] = []
        for piece in pieces {
            said = piece + said
            if let rest = Self.rest(after: said, of: rules) { return rest }
        }
        return nil
    }

    private static func rest(after said: [Substring], of rules: [Rule]) -> RestOfReply? {
        for rule in rules {
            for (index, action) in rule.actions.enumerated() {
                guard case .say(let name, _, _) = action,
                    let whole = Speech.utterance(name).map({ self.words(of: $0.text) }), whole.starts(with: said)
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

extension ConversationItem {
    fileprivate var spokenWords: [Substring] {
        guard case .message(_, let content) = self.body else { return [] }
        return SessionMachine.words(of: content.compactMap(\.spokenText).joined(separator: " "))
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
