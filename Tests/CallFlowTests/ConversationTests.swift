import CallEvents
import CallFlow
import SwiftProtobuf
import Testing

@Suite struct ConversationTests {
    @Test func `the person's text that comes after the answer stands before it`() {
        let log = Log([
            .requested, .agent("a1", after: "p1", "Good day."), .person("p1", "Hello?"),
            .agent("a2", after: "p2", "How much is it?"), .agent("a3", after: "p3", "Thank you."),
            .person("p3", after: "a2", "Forty five."), .person("p2", after: "a1", "Yes?"),
        ])
        #expect(log.state.items == ["p1", "a1", "p2", "a2", "p3", "a3"])
    }

    @Test func `a turn keeps its place for its words`() {
        let log = Log([
            .requested, .turnEnded("p1"), .asks("c1", "extract_quote", #"{"price":45}"#), .agent("a1", "Noted."),
            .person("p1", "Forty five."),
        ])
        #expect(log.state.items == ["p1", "item-c1", "a1"])
        #expect(log.state.conversation[0].utterance.text == "Forty five.")
    }

    @Test func `a turn without words is no part of what was spoken`() {
        let state = Log([.requested, .turnEnded("p1"), .agent("a1", "Hello?")]).state
        #expect(state.items == ["p1", "a1"])
        #expect(state.spokenConversation.map(\.itemID) == ["a1"])
    }

    @Test func `the text of a cut reply that comes late stands before the turn that cut it`() {
        let state = Log([
            .requested, .turnEnded("p1"), .person("p1", "Hello."), .interrupts("a1", playedMs: 400), .turnEnded("p2"),
            .agent("a1", after: "p1", "I am calling for"), .person("p2", after: "a1", "Wait."),
        ]).state
        #expect(state.items == ["p1", "a1", "p2"])
        let cut = state.conversation[1].utterance
        #expect(cut.interrupted)
        #expect(cut.playedMs == 400)
        #expect(cut.text == "I am calling for")
        #expect(cut.agent == "main_concierge")
    }

    @Test func `an interruption after the reply was written down is noted on it, once`() {
        let state = Log([
            .requested, .agent("a1", "A long reply."), .interrupts("a1", playedMs: 300),
            .interrupts("a1", playedMs: 900), .agent("a1", "A long reply."),
        ]).state
        #expect(state.items == ["a1"])
        #expect(state.conversation[0].utterance.interrupted)
        #expect(state.conversation[0].utterance.playedMs == 300)
        #expect(state.conversation[0].utterance.text == "A long reply.")
    }

    @Test func `what has no known neighbour is placed by when it began`() {
        let state = Log([
            .requested, .person("p1", "First.", at: 10), .agent("a2", after: "unknown2", "Third.", at: 30),
            .agent("a1", after: "unknown1", "Second.", at: 20), .agent("a3", "Fourth."),
        ]).state
        #expect(state.items == ["p1", "a1", "a2", "a3"])
    }

    @Test(arguments: ["completed", "cancelled", "failed"])
    func `a reply is in progress until its response is done`(_ status: String) {
        var log = Log([.requested, .claimed, .progressed("a1", "Good day, I am", audioMs: 800)])
        log.add(.progressed("a1", "Good", audioMs: 400))
        #expect(log.state.replyInProgress.text == "Good day, I am")
        #expect(log.state.items.isEmpty)
        log.add(.agent("a1", "Good day, I am calling."))
        #expect(log.state.hasReplyInProgress)
        log.add(.response("r1", status: status))
        log.add(.progressed("a1", "Good day, I am", audioMs: 800))
        #expect(!log.state.hasReplyInProgress)
        #expect(log.state.items == ["a1"])
    }

    @Test func `a reply that the person interrupts is not in progress any more`() {
        let log = Log([
            .requested, .claimed, .progressed("a1", "Good day", audioMs: 800), .interrupts("a1", playedMs: 300),
        ])
        #expect(!log.state.hasReplyInProgress)
    }

    @Test func `the cost of each response and transcription is counted once`() {
        let transcription = CallEvent.OneOf_Body.transcriptionDone(
            .with {
                $0.itemID = "r1"
                $0.costNanodollars = 7
            }
        )
        let response = CallEvent.OneOf_Body.responseDone(
            .with {
                $0.responseID = "r1"
                $0.costNanodollars = 100
            }
        )
        #expect(Log([.requested, transcription, response, response, transcription]).state.costNanodollars == 107)
    }
}

extension CallEvent.OneOf_Body {
    fileprivate static func progressed(_ item: String, _ text: String, audioMs: UInt32) -> Self {
        .replyProgressed(
            .with {
                $0.itemID = item
                $0.responseID = "r1"
                $0.text = text
                $0.audioMs = audioMs
            }
        )
    }
}

@Suite struct LongConversationTests {
    /// Turns of both sides, and a tool now and then.
    private static func long(turns: Int, after begin: [CallEvent.OneOf_Body] = []) -> Log {
        var log = Log([.requested, .claimed] + begin)
        for turn in 1...turns {
            log.add(.turnEnded("p\(turn)"), atUs: Int64(turn) * 1_000_000)
            let start = Int64(turn) * 1_000_000
            log.add(.person("p\(turn)", "What I say in turn \(turn).", at: start))
            log.add(.agent("a\(turn)", after: "p\(turn)", "What I answer.", at: start + 500_000))
            if turn.isMultiple(of: 50) { log.add(.asks("c\(turn)", "extract_quote", #"{"price":\#(turn)}"#)) }
        }
        return log
    }

    private static func utterances(_ state: CallState) -> Int { state.conversation.count { $0.hasWords } }

    @Test func `of a long conversation the newest 200 written utterances stay, and all are written once`() {
        let log = Self.long(turns: 500)
        let (state, outputs) = log.folded()
        // The last turn and what comes after it may still change.
        #expect(Self.utterances(state) == 200 + 2)
        #expect(state.items.filter { $0.hasPrefix("item-c") }.count == 10)
        #expect(state.conversation.reduce(0) { $0 + Int($1.droppedBefore) } + state.conversation.count == 1_010)
        #expect(state.items.last == "a500" || state.items.last == "item-c500")
        let transcripts = outputs.compactMap { output in
            if case .result(.transcript(let transcript)) = output { transcript } else { nil }
        }
        #expect(transcripts.map(\.number) == (1...999).map { UInt32($0) })
        #expect(Set(transcripts.map(\.utteranceID)).count == 999)
    }

    @Test func `what was dropped and is told again stays dropped`() {
        let log = Self.long(turns: 150)
        let state = log.state
        let again = log.repeating(Array(log.events.indices)).folded()
        #expect(again.state.conversation == state.conversation)
        #expect(again.outputs == log.outputs)
    }

    @Test func `a tool asked for at the beginning is not run again, and its open ones stay`() {
        let price = #"{"price":45}"#
        var log = Self.long(
            turns: 300,
            after: [
                .asks("c1", "extract_quote", price), .ran("c1", "extract_quote", price),
                .asks("c2", "place_order", "{}"),
            ]
        )
        #expect(log.state.pendingEffects.map { CallOutput.effect($0).label }.first == "run c2")
        let before = log.outputs.count
        log.add(.asks("c9", "extract_quote", price))
        #expect(log.outputs.dropFirst(before).map(\.label) == ["tool-result/c9"])
    }

    @Test func `the summary names also agents whose words were dropped`() {
        var first = CallEvent.OneOf_Body.agent("a0", "Good day.", at: 1)
        if case .utterance(var utterance) = first {
            utterance.agent = "quotes_validator"
            first = .utterance(utterance)
        }
        var log = Self.long(turns: 150, after: [first])
        log.add(.status("completed", 9))
        log.add(.timerFired(.with { $0.timer = TimerFired.settled }), atUs: log.state.endedAtUs + 6_000_000)
        #expect(!log.state.items.contains("a0"))
        let summaries = log.outputs.compactMap { output in
            if case .result(.call(let summary)) = output { summary } else { nil }
        }
        #expect(summaries.map(\.agents) == [["quotes_validator", "main_concierge"]])
    }
}

extension ConversationItem {
    fileprivate var hasWords: Bool {
        if case .utterance(let utterance) = self.item { !utterance.text.isEmpty } else { false }
    }
}
