package import CallEvents
import SwiftProtobuf

// The order of the conversation. What the person said is transcribed beside the model and comes late, often after the
// answer. So a turn's place is kept when it ends, and whatever has no place yet is put where `previous_item_id`, and
// failing that the time at which it began, says.
extension CallState {
    /// The conversation without the places of turns whose words are not known.
    package var spokenConversation: [ConversationItem] {
        self.conversation.filter { item in
            if case .utterance(let utterance) = item.item { !utterance.text.isEmpty } else { true }
        }
    }

    /// Adds an utterance, or what it tells of one that is there: the first text stays, an interruption stays. One from
    /// before those that were dropped is a repeat.
    mutating func record(_ utterance: Utterance) {
        guard !utterance.itemID.isEmpty else { return }
        if let index = self.conversation.firstIndex(where: { $0.itemID == utterance.itemID }) {
            guard case .utterance(var known) = self.conversation[index].item else { return }
            known.learn(from: utterance)
            self.conversation[index].utterance = known
        } else if utterance.startedAtUs == 0 || utterance.startedAtUs > self.droppedUntilUs {
            var added = utterance
            if added.speaker == .agent, added.agent.isEmpty { added.agent = self.agent }
            let place = self.place(of: added)
            self.conversation.insert(.with { $0.utterance = added }, at: place)
            self.bringPrevious(before: place)
        }
    }

    /// Keeps the newest reply whose response has not ended: should its session die, another one goes on there.
    mutating func replyProgressed(_ reply: ReplyProgressed) {
        guard !reply.itemID.isEmpty, !self.countedResponses.contains(reply.responseID),
            self.replyInProgress.itemID != reply.itemID || self.replyInProgress.audioMs <= reply.audioMs
        else { return }
        self.replyInProgress = reply
    }

    mutating func speechStarted(_ speech: SpeechStarted) {
        guard !speech.interruptedItemID.isEmpty else { return }
        // Whatever was left to say: the person has something else in mind now.
        self.clearReplyInProgress()
        self.record(
            .with {
                $0.itemID = speech.interruptedItemID
                $0.speaker = .agent
                $0.interrupted = true
                $0.playedMs = speech.playedMs
            }
        )
    }

    /// Keeps the turn's place: its words come later.
    mutating func speechStopped(_ speech: SpeechStopped, atUs: Int64) {
        self.record(
            .with {
                $0.itemID = speech.itemID
                $0.speaker = .person
                $0.startedAtUs = atUs
            }
        )
    }

    /// What the item at `place` names as previous may have come while nothing told its place: it moves in front.
    private mutating func bringPrevious(before place: Int) {
        for _ in self.conversation.indices {
            guard case .utterance(let utterance) = self.conversation[place].item, !utterance.previousItemID.isEmpty,
                let previous = self.conversation.firstIndex(where: { $0.itemID == utterance.previousItemID }),
                previous > place
            else { return }
            self.conversation.insert(self.conversation.remove(at: previous), at: place)
            // The moved item is at `place` now, and may have a previous one of its own.
        }
    }

    /// Of a call that lasts, the first utterances are dropped once they were written down: every snapshot holds all of
    /// this.
    mutating func dropOldUtterances() {
        guard self.conversation.count > Self.keptUtterances else { return }
        let lastTurn = self.conversation.lastIndex { $0.utterance.speaker == .person } ?? 0
        let old = (0..<lastTurn).filter { self.conversation[$0].isUtterance }.dropLast(Self.keptUtterances)
        self.droppedAgents = Self.agents(in: old.map { self.conversation[$0] }, after: self.droppedAgents)
        for index in old.reversed() {
            let dropped = self.conversation.remove(at: index)
            // There is one: the last turn of the person is behind it.
            self.conversation[index].droppedBefore += dropped.droppedBefore + 1
            self.droppedUntilUs = max(self.droppedUntilUs, dropped.utterance.startedAtUs)
        }
    }

    /// Who spoke in these, besides those who did before, in the order in which they first did.
    static func agents(in items: some Sequence<ConversationItem>, after known: [String]) -> [String] {
        var agents = known
        for item in items where item.utterance.speaker == .agent && !agents.contains(item.utterance.agent) {
            agents.append(item.utterance.agent)
        }
        return agents
    }

    /// More than a model is told again, and than any fact about an utterance is late.
    static let keptUtterances = 200

    private func place(of utterance: Utterance) -> Int {
        let successor = self.conversation.firstIndex { item in
            if case .utterance(let other) = item.item { other.previousItemID == utterance.itemID } else { false }
        }
        if let successor { return successor }
        if !utterance.previousItemID.isEmpty,
            let previous = self.conversation.lastIndex(where: { $0.itemID == utterance.previousItemID })
        {
            return previous + 1
        }
        guard utterance.startedAtUs > 0 else { return self.conversation.endIndex }
        var place = self.conversation.endIndex
        while place > 0, case .utterance(let other) = self.conversation[place - 1].item,
            other.startedAtUs > utterance.startedAtUs
        {
            place -= 1
        }
        return place
    }
}

extension ConversationItem {
    fileprivate var isUtterance: Bool {
        if case .utterance = self.item { true } else { false }
    }

    /// The Realtime conversation item.
    package var itemID: String {
        switch self.item {
        case .utterance(let utterance): utterance.itemID
        case .tool(let exchange): exchange.call.itemID
        case nil: ""
        }
    }
}

extension Utterance {
    fileprivate mutating func learn(from other: Utterance) {
        var known = self
        if known.text.isEmpty, !other.text.isEmpty {
            // Until now this was a kept place.
            known = other
            if known.startedAtUs == 0 { known.startedAtUs = self.startedAtUs }
        }
        if known.previousItemID.isEmpty {
            known.previousItemID = self.previousItemID.isEmpty ? other.previousItemID : self.previousItemID
        }
        if known.agent.isEmpty { known.agent = self.agent.isEmpty ? other.agent : self.agent }
        if known.audioMs == 0 { known.audioMs = max(self.audioMs, other.audioMs) }
        if !known.hasHeardThrough, let heard = [self, other].first(where: \.hasHeardThrough) {
            known.heardThrough = heard.heardThrough
        }
        if let cut = [self, other].first(where: \.interrupted) {
            known.interrupted = true
            known.playedMs = cut.playedMs
        }
        self = known
    }
}
