import CallEvents
import OpenAIRealtime
import Testing

@Suite struct `A reply that is cut off` {
    /// The person has asked, and the model is in the middle of its answer.
    private static func answering(audioMs: Int = 410) -> Call {
        var call = Call.ready()
        call.turn("u1")
        call.model(.personTranscript(itemID: "u1", "What do you want?"))
        call.reply("a1", in: "r1", ms: audioMs, text: "I am")
        return call
    }

    private static func lost(_ call: Call) -> Call {
        var call = call
        call.forget()
        call.actions += call.conversation.socketLost("closed", atUs: call.atUs)
        return call
    }

    private static func state(
        progress: ReplyProgressed? = Self.progress("I am", audioMs: 800),
        _ utterances: [Utterance] = []
    ) -> CallState {
        var state = CallState()
        state.callSid = Call.sid
        state.session = Call.start()
        state.streamEpoch = 1
        state.outboundPartition = 3
        if let progress { state.replyInProgress = progress }
        state.conversation = utterances.map { utterance in
            var item = ConversationItem()
            item.utterance = utterance
            return item
        }
        return state
    }

    private static func progress(_ text: String, audioMs: UInt32) -> ReplyProgressed {
        var progress = ReplyProgressed()
        progress.itemID = "a1"
        progress.responseID = "r1"
        progress.previousItemID = "u1"
        progress.text = text
        progress.audioMs = audioMs
        progress.heardThrough = position(1, 20)
        return progress
    }

    private static func restored(_ state: CallState) -> Call {
        var call = Call(restoring: state)
        call.start()
        for sequence in UInt64(10)..<30 { call.frame(Call.frame(sequence, atUs: 5_000_000)) }
        call.connect()
        return call
    }

    private static func asksToGoOn(_ command: ModelCommand?, after words: String) -> Bool {
        guard case .respond(let instructions?)? = command else { return false }
        return instructions.hasPrefix("Be brief.") && instructions.contains("\"\(words)\"")
    }

    @Test func `how far it is, is written down before its audio goes to the phone`() {
        var call = Call.ready()
        call.turn("u1")
        call.forget()
        call.reply("a1", in: "r1", ms: 200, text: "I am")
        let order = call.actions.compactMap { action -> String? in
            switch action {
            case .publish(let event): "\(event.replyProgressed.audioMs) ms"
            case .play: "frame"
            default: nil
            }
        }
        #expect(order == ["200 ms"] + Array(repeating: "frame", count: 10))
        call.forget()
        call.speak("a1", in: "r1", ms: 380)
        #expect(call.events.isEmpty)
        call.speak("a1", in: "r1", ms: 40)
        #expect(call.events.map(\.replyProgressed.audioMs) == [620])
        #expect(call.events.first?.replyProgressed.text == "I am")
        #expect(call.events.first?.replyProgressed.heardThrough == position(1, 9))
    }

    @Test func `the next session of the model says only the rest`() {
        var call = Self.lost(Self.answering())
        // What is there of the last frame, and the end of the item.
        #expect(call.played.map(\.control) == [.none, .endOfItem])
        #expect(call.utterances.isEmpty)
        call.connect()
        #expect(
            call.commands.dropFirst().prefix(2) == [
                .add(.personText(itemID: "u1", "What do you want?"), after: nil),
                .add(.agentText(itemID: "a1", "I am"), after: nil),
            ]
        )
        #expect(Self.asksToGoOn(call.commands.last, after: "I am"))
        call.forget()
        call.reply("a2", in: "r2", ms: 100, text: " calling")
        #expect(call.clears.isEmpty)
        #expect(call.utterances.map(\.text) == ["I am"])
        #expect(call.utterances.first?.audioMs == 410)
        call.finish("a2", in: "r2", text: "calling")
        #expect(call.utterances.map(\.text) == ["I am", "calling"])
    }

    @Test func `the rest is asked for again when the service has no room for it`() {
        var call = Self.lost(Self.answering())
        call.connect()
        call.model(.responseStarted(responseID: "r2"))
        call.forget()
        let failure = ModelFailure(kind: .load, code: "server_error")
        call.model(.responseEnded(ModelResponse(id: "r2", status: .failed, failure: failure)))
        #expect(call.commands.isEmpty)
        call.actions += call.conversation.timerFired(.retryResponse)
        #expect(Self.asksToGoOn(call.commands.last, after: "I am"))
    }

    @Test func `the rest is not said to a person who speaks`() {
        var call = Self.lost(Self.answering())
        call.model(.opened(ModelSession(id: "sess_2", model: "m")))
        call.forget()
        call.hear(1, playout: playout("a1", 200))
        call.model(.configured(ModelSession(id: "sess_2", model: "m")))
        call.model(.failed(ModelFailure(kind: .load, code: "server_error")))
        call.model(.speechStarted(itemID: "u2", audioStartMs: 500))
        call.actions += call.conversation.timerFired(.retryResponse)
        call.model(.speechStopped(itemID: "u2"))
        call.reply("a2", in: "r2", ms: 100)
        call.finish("a2", in: "r2")
        #expect(call.commands.count { Self.asksToGoOn($0, after: "I am") } == 1)
        let cut = call.utterances.first
        #expect(cut?.text == "I am" && cut?.interrupted == true && cut?.playedMs == 200)
        #expect(call.utterances.count == 2)
    }

    @Test func `when all of it was said, only its tools are asked for, without a word`() {
        var call = Self.answering()
        call.model(.audioEnded(responseID: "r1", itemID: "a1"))
        call.model(.agentTranscript(responseID: "r1", itemID: "a1", "I am done."))
        call = Self.lost(call)
        call.connect()
        guard case .respondSilently(let instructions)? = call.commands.last else {
            Issue.record("the tools of the reply are not asked for")
            return
        }
        #expect(instructions.contains("I am done."))
        call.forget()
        call.model(.responseStarted(responseID: "r2"))
        let spoken = [ModelResponse.SpokenItem(itemID: "t1", text: "OK")]
        let tool = ModelResponse.ToolCall(itemID: "f1", callID: "c1", name: "end_call", arguments: "{}")
        call.model(.responseEnded(ModelResponse(id: "r2", status: .completed, spoken: spoken, toolCalls: [tool])))
        #expect(call.commands == [.remove(itemID: "t1")])
        #expect(call.events.map(\.toolRequested.call.toolCallID).first == "c1")
        #expect(call.utterances.isEmpty)
    }

    @Test func `another owner goes on where it was`() {
        var call = Self.restored(Self.state())
        #expect(call.appended == Array(21..<30))
        #expect(call.commands.contains(.add(.agentText(itemID: "a1", "I am"), after: nil)))
        #expect(Self.asksToGoOn(call.commands.last, after: "I am"))
        call.forget()
        call.reply("a2", in: "r2", ms: 40, text: "calling")
        #expect(call.clears.isEmpty)
        #expect(call.utterances.map(\.itemID) == ["a1"])
        #expect(call.utterances.first?.heardThrough == position(1, 20))
    }

    @Test func `words that are ahead of their audio count as not said`() {
        let words = "I am calling about the price of an oil change for a small car with a diesel engine"
        let call = Self.restored(Self.state(progress: Self.progress(words, audioMs: 1000)))
        #expect(call.commands.contains(.add(.agentText(itemID: "a1", "I am calling"), after: nil)))
    }

    @Test func `a reply of which nothing was heard is given anew`() {
        let call = Self.restored(Self.state(progress: Self.progress("I am", audioMs: 0)))
        #expect(call.commands.count == 1)
        #expect(call.appended == Array(10..<30))
    }

    @Test(arguments: [false, true])
    func `another owner of a reply that was said in full asks only for its tools`(_ interrupted: Bool) {
        var said = Utterance()
        said.itemID = "a1"
        said.speaker = .agent
        said.text = "I am done."
        said.audioMs = 900
        said.playedMs = 850
        said.interrupted = interrupted
        said.heardThrough = position(1, 20)
        let call = Self.restored(Self.state([said]))
        let isAsked = if case .respondSilently? = call.commands.last { true } else { false }
        #expect(isAsked == !interrupted)
    }

    @Test func `a turn that waits for its answer comes before the rest`() {
        var turn = Utterance()
        turn.itemID = "u2"
        turn.previousItemID = "a1"
        turn.speaker = .person
        turn.text = "Stop."
        turn.heardThrough = position(1, 25)
        let call = Self.restored(Self.state([turn]))
        #expect(call.commands.last == .respond(instructions: nil))
        #expect(!call.commands.contains { Self.asksToGoOn($0, after: "I am") })
    }
}
