import CallEvents

/// A reply whose response came to no end because the model's session was lost, or its owner.
struct CutReply: Equatable, Sendable {
    /// What was said of it.
    var utterance: Utterance
    /// All of it was said, and written down: only the tools that belong to it may be missing.
    var isWhole: Bool
}

// How far a reply is, for whoever has to go on with it.
extension Conversation {
    /// Writes down how far the reply is when there is enough that was not written; goes before the audio it tells of, so
    /// that nothing of it is said twice.
    mutating func publishProgress(of itemID: String, atUs: Int64) -> [ConversationAction] {
        guard let audioMs = self.outbound.audioMs(of: itemID),
            let progress = self.history.replyProgress(itemID, audioMs: audioMs)
        else { return [] }
        let id = "\(itemID)/\(progress.audioMs)/\(progress.text.utf8.count)"
        return [self.publish("reply-progressed", id, .replyProgressed(progress), atUs)]
    }

    /// The session of the model is lost: what the phone has of the active reply is all that it will get of it, and
    /// counts as said.
    mutating func cutReplyShort(atUs: Int64) -> [ConversationAction] {
        guard let active = self.gate.active, !active.isCut else { return [] }
        var actions: [ConversationAction] = []
        let replies = self.history.replies.values.filter { $0.responseID == active.id && $0.hasAudio }
        if let open = replies.first(where: { !$0.isPublished }) {
            let itemID = open.utterance.itemID
            let frames = self.outbound.end(itemID, atUs: atUs)
            var utterance = open.utterance
            if let audioMs = self.outbound.audioMs(of: itemID) { utterance.audioMs = UInt32(clamping: audioMs) }
            utterance.text = ConversationHistory.saidText(of: utterance, isFinal: open.textIsFinal)
            utterance.previousItemID = self.history.visiblePrevious(of: itemID)
            self.cutReply = CutReply(utterance: utterance, isWhole: false)
            actions = frames.map { .play($0) }
        } else if let last = replies.max(by: { $0.utterance.startedAtUs < $1.utterance.startedAtUs }) {
            self.cutReply = CutReply(utterance: last.utterance, isWhole: true)
        } else {
            self.answersAgain = true
        }
        self.history.forgetUnfinishedReplies()
        if let cutReply, let heardThrough = active.heardThrough {
            self.history.add(cutReply)
            self.inbound.answered(through: heardThrough)
        } else if let cutReply {
            self.history.add(cutReply)
        }
        return actions
    }

    /// The model knows the history: it is asked for the rest of the reply, unless the person waits for something else.
    mutating func goOnWithReply() {
        guard let cutReply, !self.gate.awaitsAnswer, !self.gate.isAnswerDue else { return }
        let words = cutReply.utterance.text
        guard cutReply.isWhole else {
            self.gate.goOn(.goOn(Self.goOnInstructions(after: words)))
            return
        }
        self.gate.goOn(.finish(Self.finishInstructions(after: words)))
        self.cutReply = nil
    }

    /// The rest follows, or the person speaks: the beginning stands as it is. Until then another owner would have to go
    /// on there as well.
    mutating func publishCutReply(atUs: Int64) -> [ConversationAction] {
        guard let cutReply = self.cutReply.take(), !cutReply.isWhole else { return [] }
        let itemID = cutReply.utterance.itemID
        // Cut by the person while it was still playing: written down with where they cut it.
        guard self.history.replies[itemID]?.utterance.interrupted != true else { return [] }
        return [self.publish("utterance", itemID, .utterance(cutReply.utterance), atUs)]
    }

    private static func goOnInstructions(after words: String) -> String {
        """
        # Now
        The line dropped for a moment while you were speaking. They heard you up to these words: "\(Self.end(of: words))"
        Go on from exactly there: say only the rest of that sentence and what you still had to say. Do not repeat what \
        they heard, do not greet, do not apologise. Call the tools that belong to it.
        """
    }

    private static func finishInstructions(after words: String) -> String {
        """
        # Now
        You have just said, in full: "\(Self.end(of: words))"
        If you had to call a tool with these words and have not, call it now. Otherwise answer only: OK
        """
    }

    /// Enough to find the place.
    private static func end(of words: String) -> String {
        words.count <= 300 ? words : "… \(words.suffix(300))"
    }
}

extension CutReply {
    /// What another owner left; nil when it had come to an end, or nothing of it was heard.
    init?(of state: CallState) {
        guard state.hasReplyInProgress, state.replyInProgress.audioMs > 0 else { return nil }
        let reply = state.replyInProgress
        let said = state.conversation.lazy.map(\.utterance).first { $0.itemID == reply.itemID }
        if let said {
            guard !said.interrupted else { return nil }
            self.init(utterance: said, isWhole: true)
            return
        }
        var utterance = Utterance()
        utterance.itemID = reply.itemID
        utterance.previousItemID = reply.previousItemID
        utterance.speaker = .agent
        utterance.agent = reply.agent
        utterance.startedAtUs = reply.startedAtUs
        utterance.audioMs = reply.audioMs
        if reply.hasHeardThrough { utterance.heardThrough = reply.heardThrough }
        utterance.text = reply.text
        utterance.text = ConversationHistory.saidText(of: utterance, isFinal: reply.audioIsComplete)
        self.init(utterance: utterance, isWhole: false)
    }
}
