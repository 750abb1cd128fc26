import CallEvents
import NIOCore
import OpenAIRealtime
import Testing

@Suite struct `Restoring a conversation` {
    private func person(_ id: String, _ text: String, through sequence: UInt64, after previous: String = "")
        -> Utterance
    {
        var utterance = Utterance()
        utterance.itemID = id
        utterance.previousItemID = previous
        utterance.speaker = .person
        utterance.text = text
        utterance.heardThrough = position(1, sequence)
        return utterance
    }

    private func agent(_ id: String, _ text: String, through sequence: UInt64, after previous: String = "") -> Utterance
    {
        var utterance = self.person(id, text, through: sequence, after: previous)
        utterance.speaker = .agent
        utterance.audioMs = 1000
        return utterance
    }

    private func state(
        _ utterances: [Utterance],
        tools: [ToolExchange] = [],
        answered: UInt64? = nil
    ) -> CallState {
        var state = CallState()
        state.callSid = Call.sid
        state.session = Call.start()
        state.streamEpoch = 1
        state.outboundPartition = 3
        state.conversation = utterances.map { utterance in
            var item = ConversationItem()
            item.utterance = utterance
            return item
        }
        state.conversation += tools.map { exchange in
            var item = ConversationItem()
            item.tool = exchange
            return item
        }
        if let answered { state.answeredThrough = position(1, answered) }
        return state
    }

    /// Started, with the audio from before the take-over that Kafka has again, then connected.
    private func restored(_ state: CallState, frames: Range<UInt64>) -> Call {
        var call = Call(restoring: state)
        call.start()
        for sequence in frames { call.frame(Call.frame(sequence, atUs: 5_000_000 + Int64(sequence) * 20_000)) }
        call.connect()
        return call
    }

    @Test func `the history is told as text, and only unanswered audio is given again`() {
        let state = self.state(
            [self.person("u1", "Hello", through: 20), self.agent("a1", "Good day", through: 20, after: "u1")],
            answered: 20
        )
        let call = self.restored(state, frames: 10..<30)
        #expect(
            Array(call.commands.dropFirst()) == [
                .add(.personText(itemID: "u1", "Hello"), after: nil),
                .add(.agentText(itemID: "a1", "Good day"), after: nil),
            ]
        )
        #expect(call.appended == Array(21..<30))
        #expect(call.drops == Array(repeating: .answered, count: 11))
        #expect(call.events.first?.sessionReady.restored == true)
    }

    @Test func `an unanswered turn without words is given again as audio, and its new answer clears the first attempt`()
    {
        let state = self.state(
            [
                self.person("u1", "Hello", through: 20), self.agent("a1", "Good day", through: 20, after: "u1"),
                self.person("u2", "", through: 40, after: "a1"),
            ],
            answered: 20
        )
        var call = self.restored(state, frames: 10..<60)
        #expect(call.commands.count == 3)
        #expect(call.appended == Array(21..<60))
        #expect(call.responseRequests == 0)
        call.model(.speechStarted(itemID: "u9", audioStartMs: 100))
        call.model(.speechStopped(itemID: "u9"))
        call.forget()
        call.reply("a9", in: "r9", ms: 40)
        guard case .clear(let clear)? = call.actions.first(where: { if case .show = $0 { false } else { true } }) else {
            Issue.record("the first attempt plays on")
            return
        }
        #expect(clear.playoutEpoch == 1 && clear.sessionEpoch == 99)
        #expect(call.played.map(\.playoutEpoch) == [1, 1])
        #expect(call.played.map(\.sequence) == [0, 1])
        call.speak("a9", in: "r9", ms: 40)
        #expect(call.clears.count == 1)
    }

    @Test func `a turn that begins after the take-over clears nothing`() {
        let state = self.state(
            [self.person("u1", "Hello", through: 20), self.agent("a1", "Good day", through: 20, after: "u1")],
            answered: 20
        )
        var call = self.restored(state, frames: 10..<30)
        call.model(.speechStarted(itemID: "u2", audioStartMs: 400))
        call.model(.speechStopped(itemID: "u2"))
        call.reply("a2", in: "r2", ms: 40)
        #expect(call.clears.isEmpty)
        #expect(call.played.map(\.playoutEpoch) == [0, 0])
    }

    @Test func `a reply that was published is an answer, although its response came to no end`() {
        let state = self.state(
            [
                self.person("u1", "Hello", through: 20), self.agent("a1", "Good day", through: 20, after: "u1"),
                self.person("u2", "Price", through: 40, after: "a1"),
                self.agent("a2", "Fine", through: 40, after: "u2"),
            ],
            answered: 20
        )
        let call = self.restored(state, frames: 10..<60)
        #expect(call.appended == Array(41..<60))
        #expect(call.commands.count == 5)
        #expect(call.responseRequests == 0)
    }

    @Test func `an unanswered turn whose words are known is told as text, and not heard twice`() {
        let state = self.state(
            [self.agent("a1", "Good day", through: 20), self.person("u2", "Price", through: 40, after: "a1")],
            answered: 20
        )
        let call = self.restored(state, frames: 10..<60)
        #expect(call.commands.suffix(2).first == .add(.personText(itemID: "u2", "Price"), after: nil))
        #expect(call.responseRequests == 1)
        #expect(call.appended == Array(41..<60))
    }

    @Test func `a turn whose audio is gone is told as text and answered`() {
        let state = self.state(
            [self.agent("a1", "Good day", through: 20), self.person("u2", "Price", through: 40, after: "a1")],
            answered: 20
        )
        var call = self.restored(state, frames: 50..<60)
        #expect(
            call.commands.suffix(2) == [
                .add(.personText(itemID: "u2", "Price"), after: nil), .respond(instructions: nil),
            ]
        )
        call.forget()
        call.reply("a2", in: "r1", ms: 20)
        #expect(call.clears.count == 1)
        call.finish("a2", in: "r1")
        #expect(call.responsesDone.first?.heardThrough == position(1, 40))
    }

    @Test func `a turn that the model does not notice again is answered all the same`() {
        let state = self.state([self.person("u1", "", through: 40)])
        var call = self.restored(state, frames: 10..<60)
        #expect(call.actions.contains(.schedule(.expectAnswer, after: .seconds(4))))
        call.actions += call.conversation.timerFired(.expectAnswer)
        #expect(call.responseRequests == 1)
    }

    @Test func `an interrupted reply is told as far as it was heard`() {
        var reply = self.agent("a1", "We open at nine every day", through: 20)
        reply.interrupted = true
        reply.playedMs = 500
        let call = self.restored(self.state([reply], answered: 20), frames: 20..<30)
        #expect(call.commands.last == .add(.agentText(itemID: "a1", "We open at …"), after: nil))
    }

    @Test(arguments: [true, false])
    func `tool outputs that nobody has spoken about are spoken about`(_ completed: Bool) {
        var exchange = ToolExchange()
        exchange.call.toolCallID = "c1"
        exchange.call.itemID = "f1"
        exchange.call.name = "extract_quote"
        exchange.call.arguments = "{}"
        exchange.completed = completed
        exchange.output = completed ? "{}" : ""
        let state = self.state([self.person("u1", "Price", through: 20)], tools: [exchange], answered: 20)
        var call = self.restored(state, frames: 20..<30)
        if !completed {
            #expect(call.responseRequests == 0)
            var result = ToolResult()
            result.toolCallID = "c1"
            result.output = "{}"
            call.command(.toolResult(result))
        }
        #expect(
            call.commands.suffix(2) == [
                .add(.toolOutput(itemID: "output_1", callID: "c1", output: "{}"), after: nil),
                .respond(instructions: nil),
            ]
        )
    }

    @Test func `words of the last owner are stopped when the person speaks over them`() {
        let state = self.state(
            [self.person("u1", "Hello", through: 20), self.agent("a1", "We open at nine every day", through: 20)],
            answered: 20
        )
        var call = self.restored(state, frames: 20..<30)
        call.frame(Call.frame(30, atUs: 12_000_000, playout: playout("a1", 500)))
        call.forget()
        call.model(.speechStarted(itemID: "u2", audioStartMs: 9000))
        #expect(call.clears.map(\.playoutEpoch) == [1])
        #expect(
            call.commands == [
                .add(.agentText(itemID: nil, "We open at …"), after: "a1"), .remove(itemID: "a1"),
            ]
        )
        #expect(call.utterances.map(\.playedMs) == [500])
    }

    @Test func `an agent that had said its last word only hangs up`() {
        var state = self.state([self.agent("a1", "Bye", through: 20)], answered: 20)
        state.ending = true
        var call = Call(restoring: state)
        call.start()
        #expect(call.played.map(\.control) == [.hangUp])
        #expect(!call.actions.contains(.connect))
    }

    @Test func `a lost socket goes on in the next one`() {
        var call = Call.ready()
        call.turn("u1")
        call.reply("a1", in: "r1", ms: 100)
        call.finish("a1", in: "r1")
        call.model(.personTranscript(itemID: "u1", "Hello"))
        call.hear(1, playout: playout("a1", 100))
        call.turn("u2", frames: 60)
        call.model(.responseStarted(responseID: "r2"))
        call.forget()
        call.actions += call.conversation.socketLost("closed", atUs: call.atUs)
        #expect(call.actions.last == .connect)
        #expect(call.events.first?.errorOccurred.code == "realtime_connection_lost")
        #expect(call.events.first?.errorOccurred.fatal == false)
        call.hear(5)
        call.connect()
        #expect(call.appended == Array(10..<76))
        #expect(
            call.commands.suffix(2) == [
                .add(.personText(itemID: "u1", "Hello"), after: nil),
                .add(.agentText(itemID: "a1", "Good day"), after: nil),
            ]
        )
        // Whatever the phone still plays of the unanswered turn's first attempt is stopped.
        call.forget()
        call.model(.speechStarted(itemID: "u3", audioStartMs: 200))
        call.model(.speechStopped(itemID: "u3"))
        call.reply("a3", in: "r3", ms: 20)
        #expect(call.clears.map(\.playoutEpoch) == [1])
        #expect(call.played.map(\.playoutEpoch) == [1])
        #expect(call.utterances.isEmpty)
    }
}
