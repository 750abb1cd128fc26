import CallEvents

/// What was said and asked so far, in the order of the conversation: what a new session of the model is told, and what
/// the other stages are.
struct ConversationHistory: Sendable {
    /// Something the agent says, from its first word until it was played or cut.
    struct Reply: Sendable {
        var responseID: String
        var utterance: Utterance
        var textIsFinal = false
        var audioIsEnded = false
        /// The phone was sent some of it.
        var hasAudio = false
        /// Published, as it is or cut.
        var isPublished = false
        /// How much of it `ReplyProgressed` has told of.
        var progress: (audioMs: Int, textBytes: Int)?
    }

    /// How fast speech is when the length of its audio is not known: English on the phone.
    /// Nobody speaks faster than this: words beyond it are ahead of their audio.
    private static let mostCharactersPerSecond = 25
    /// So much of a reply is worth an event: audio in milliseconds, text in bytes.
    private static let progressMs = 400
    private static let progressBytes = 40

    private(set) var items: [ConversationItem] = []
    private(set) var replies: [String: Reply] = [:]
    /// The item before each item, as the model says.
    private var previous: [String: String] = [:]
    /// Items that the other stages do not know.
    private var hidden: Set<String> = []
    private var startedAtUs: [String: Int64] = [:]

    init(items: [ConversationItem] = []) { self.items = items }

    // MARK: Order

    mutating func added(_ itemID: String, after previousItemID: String?, isHidden: Bool) {
        if let previousItemID, previousItemID != itemID { self.previous[itemID] = previousItemID }
        if isHidden { self.hidden.insert(itemID) }
    }

    /// The nearest item before this one that the other stages know.
    func visiblePrevious(of itemID: String) -> String {
        var candidate = self.previous[itemID]
        for _ in 0...self.previous.count {
            guard let known = candidate, self.hidden.contains(known) else { break }
            candidate = self.previous[known]
        }
        return candidate ?? ""
    }

    // MARK: The person

    mutating func personStarted(_ itemID: String, atUs: Int64) { self.startedAtUs[itemID] = atUs }

    /// Keeps the turn's place: its words come later.
    mutating func personStopped(_ itemID: String, heardThrough: InboundPosition?, atUs: Int64) {
        var turn = Utterance()
        turn.itemID = itemID
        turn.previousItemID = self.visiblePrevious(of: itemID)
        turn.speaker = .person
        turn.startedAtUs = self.startedAtUs[itemID] ?? atUs
        if let heardThrough { turn.heardThrough = heardThrough.message }
        self.insert(turn)
    }

    /// - Returns: the utterance as it is to be published.
    mutating func personSaid(_ itemID: String, _ text: String, atUs: Int64) -> Utterance {
        if self.index(of: itemID) == nil { self.personStopped(itemID, heardThrough: nil, atUs: atUs) }
        guard let index = self.index(of: itemID) else { return Utterance() }
        self.items[index].utterance.text = text
        self.items[index].utterance.previousItemID = self.visiblePrevious(of: itemID)
        return self.items[index].utterance
    }

    // MARK: The agent

    mutating func replyContinues(
        _ itemID: String,
        of responseID: String,
        agent: String,
        heardThrough: InboundPosition?,
        atUs: Int64,
        text delta: String = ""
    ) {
        if self.replies[itemID] == nil {
            var utterance = Utterance()
            utterance.itemID = itemID
            utterance.speaker = .agent
            utterance.agent = agent
            utterance.startedAtUs = atUs
            if let heardThrough { utterance.heardThrough = heardThrough.message }
            self.replies[itemID] = Reply(responseID: responseID, utterance: utterance)
        }
        if self.replies[itemID]?.textIsFinal == false { self.replies[itemID]?.utterance.text += delta }
    }

    mutating func replyTextIsFinal(_ itemID: String, _ text: String) {
        guard self.replies[itemID]?.textIsFinal == false else { return }
        self.replies[itemID]?.textIsFinal = true
        if !text.isEmpty { self.replies[itemID]?.utterance.text = text }
    }

    mutating func replyHasAudio(_ itemID: String) { self.replies[itemID]?.hasAudio = true }

    mutating func replyAudioIsEnded(_ itemID: String, audioMs: Int) {
        self.replies[itemID]?.audioIsEnded = true
        self.replies[itemID]?.utterance.audioMs = UInt32(clamping: audioMs)
    }

    /// The person heard only the beginning.
    mutating func replyIsCut(_ itemID: String, playedMs: Int, audioMs: Int) {
        if self.replies[itemID] == nil, let index = self.index(of: itemID) {
            // Said by an earlier session.
            self.replies[itemID] = Reply(
                responseID: "",
                utterance: self.items[index].utterance,
                textIsFinal: true,
                audioIsEnded: true,
                hasAudio: true
            )
        }
        self.replies[itemID]?.utterance.interrupted = true
        self.replies[itemID]?.utterance.playedMs = UInt32(clamping: playedMs)
        if audioMs > 0 { self.replies[itemID]?.utterance.audioMs = UInt32(clamping: audioMs) }
        self.replies[itemID]?.audioIsEnded = true
        self.replies[itemID]?.isPublished = false
    }

    /// What to write down of a reply of which the phone gets `audioMs`; nil when little is new.
    mutating func replyProgress(_ itemID: String, audioMs: Int) -> ReplyProgressed? {
        guard let reply = self.replies[itemID], reply.hasAudio, !reply.isPublished else { return nil }
        let text = reply.utterance.text
        if let known = reply.progress, audioMs < known.audioMs + Self.progressMs,
            text.utf8.count < known.textBytes + Self.progressBytes
        {
            return nil
        }
        self.replies[itemID]?.progress = (audioMs, text.utf8.count)
        var progress = ReplyProgressed()
        progress.itemID = itemID
        progress.responseID = reply.responseID
        progress.previousItemID = self.visiblePrevious(of: itemID)
        progress.agent = reply.utterance.agent
        progress.text = text
        progress.audioMs = UInt32(clamping: audioMs)
        progress.startedAtUs = reply.utterance.startedAtUs
        if reply.utterance.hasHeardThrough { progress.heardThrough = reply.utterance.heardThrough }
        progress.audioIsComplete = reply.audioIsEnded
        return progress
    }

    /// Keeps the place of a reply that nothing more comes of.
    mutating func add(_ cut: CutReply) { self.insert(cut.utterance) }

    /// The reply as it is to be published now: once when it is whole, and once more when it was cut later.
    mutating func replyToPublish(_ itemID: String) -> Utterance? {
        guard var reply = self.replies[itemID], reply.textIsFinal, reply.audioIsEnded, reply.hasAudio,
            !reply.isPublished, !reply.utterance.text.isEmpty
        else { return nil }
        reply.isPublished = true
        let previous = self.visiblePrevious(of: itemID)
        if !previous.isEmpty { reply.utterance.previousItemID = previous }
        self.replies[itemID] = reply
        self.insert(reply.utterance)
        return reply.utterance
    }

    /// Items of a response whose words are not final yet.
    func openReplies(of responseID: String) -> [String] {
        self.replies.values.filter { $0.responseID == responseID && !$0.isPublished }.map(\.utterance.itemID).sorted()
    }

    mutating func forgetReplies(except kept: (String) -> Bool) {
        self.replies = self.replies.filter { !$0.value.isPublished || kept($0.key) }
    }

    /// Of a response that is over: nobody heard anything of these.
    mutating func forgetUnheardReplies(of responseID: String) {
        self.replies = self.replies.filter { $0.value.responseID != responseID || $0.value.isPublished }
    }

    mutating func forgetUnfinishedReplies() {
        self.replies = self.replies.filter(\.value.isPublished)
    }

    // MARK: Tools

    mutating func toolRequested(_ call: ToolCall) {
        guard !self.items.contains(where: { $0.tool.call.toolCallID == call.toolCallID }) else { return }
        var item = ConversationItem()
        item.tool.call = call
        self.items.append(item)
    }

    /// - Returns: false when the call is not known or was answered before.
    mutating func toolAnswered(_ callID: String, output: String) -> Bool {
        guard let index = self.items.firstIndex(where: { $0.isTool && $0.tool.call.toolCallID == callID }),
            !self.items[index].tool.completed
        else { return false }
        self.items[index].tool.completed = true
        self.items[index].tool.output = output
        return true
    }

    func tool(_ callID: String) -> ToolExchange? {
        self.items.first { $0.isTool && $0.tool.call.toolCallID == callID }?.tool
    }

    // MARK: Telling it to a new session

    /// The last thing the agent said.
    var lastReply: Utterance? {
        self.items.lazy.reversed().compactMap { item -> Utterance? in
            if case .utterance(let utterance) = item.item, utterance.speaker == .agent { utterance } else { nil }
        }.first
    }

    func utterance(_ itemID: String) -> Utterance? { self.index(of: itemID).map { self.items[$0].utterance } }

    func playedMs(of itemID: String) -> Int { Int(self.replies[itemID]?.utterance.playedMs ?? 0) }

    /// How far the person's words were answered: by whole responses, as the fold of the events says, and by replies that
    /// were heard although their response came to no end.
    func answeredThrough(_ folded: AudioPosition?) -> InboundPosition? {
        let heard = self.items.compactMap { item -> InboundPosition? in
            guard case .utterance(let reply) = item.item, reply.speaker == .agent, reply.hasHeardThrough,
                !reply.interrupted || reply.playedMs > 0
            else { return nil }
            return InboundPosition(reply.heardThrough)
        }
        return (heard + [folded.map(InboundPosition.init)].compactMap(\.self)).max()
    }

    /// The words of a reply of which only `audioMs` came: some may be ahead of their audio.
    static func saidText(of utterance: Utterance, isFinal: Bool) -> String {
        let text = utterance.text
        let most = Int(utterance.audioMs) * Self.mostCharactersPerSecond / 1000 + 10
        guard !isFinal, text.count > most else { return text }
        let said = text.prefix(Int(utterance.audioMs) * Utterance.charactersPerSecond / 1000)
        return said.lastIndex(of: " ").map { String(said[..<$0]) } ?? ""
    }

    private func index(of itemID: String) -> Int? {
        self.items.lastIndex { item in
            if case .utterance(let utterance) = item.item { utterance.itemID == itemID } else { false }
        }
    }

    private mutating func insert(_ utterance: Utterance) {
        if let index = self.index(of: utterance.itemID) {
            self.items[index].utterance = utterance
            return
        }
        var item = ConversationItem()
        item.utterance = utterance
        self.items.insert(item, at: self.place(of: utterance))
    }

    private func place(of utterance: Utterance) -> Int {
        if let next = self.items.firstIndex(where: { $0.utterance.previousItemID == utterance.itemID }) { return next }
        if !utterance.previousItemID.isEmpty,
            let previous = self.items.lastIndex(where: { $0.itemID == utterance.previousItemID })
        {
            return previous + 1
        }
        return self.items.endIndex
    }
}

extension ConversationItem {
    var isTool: Bool { if case .tool = self.item { true } else { false } }

    fileprivate var itemID: String {
        switch self.item {
        case .utterance(let utterance): utterance.itemID
        case .tool(let exchange): exchange.call.itemID
        case nil: ""
        }
    }
}
