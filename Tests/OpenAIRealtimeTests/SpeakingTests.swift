import CallEvents
import OpenAIRealtime
import Testing

@Suite struct `Speaking without being spoken to` {
    /// Connected and configured; nobody has spoken.
    private static func ready(_ change: (inout AgentSession) -> Void) -> Call {
        var start = Call.start()
        change(&start.agent)
        var call = Call(start)
        call.start()
        call.connect()
        call.forget()
        return call
    }

    private static func says(_ command: ModelCommand?, _ words: String) -> Bool {
        guard case .respond(let instructions?)? = command else { return false }
        return instructions.hasPrefix("Be brief.") && instructions.contains(words)
    }

    private static func handoff() -> CallCommand.OneOf_Body {
        var update = UpdateSession()
        update.agent.agent = "order_placer"
        update.agent.instructions = "Be brief."
        update.agent.opening = "Say that you take orders."
        return .updateSession(update)
    }

    // MARK: The first line

    @Test func `an agent with an opening speaks as soon as the phone is there, once`() {
        var call = Self.ready { $0.opening = "Greet them." }
        #expect(call.commands.isEmpty)
        call.hear(3)
        #expect(call.commands.count == 1 && Self.says(call.commands.last, "Greet them."))
        call.reply("a1", in: "r1", ms: 100)
        call.finish("a1", in: "r1")
        call.hear(3)
        #expect(call.commands.count == 1)
    }

    @Test func `the opening is not said to a person who spoke first`() {
        var call = Self.ready { $0.opening = "Greet them." }
        call.model(.speechStarted(itemID: "u1", audioStartMs: 0))
        call.hear(3)
        call.model(.speechStopped(itemID: "u1"))
        call.reply("a1", in: "r1", ms: 100)
        call.finish("a1", in: "r1")
        #expect(call.commands.isEmpty)
    }

    @Test func `a tool that hands over is answered before the next agent speaks, once`() {
        var call = Self.ready { _ in }
        call.turn("u1")
        call.model(.responseStarted(responseID: "r1"))
        let transfer = ModelResponse.ToolCall(
            itemID: "i1",
            callID: "c1",
            name: "transfer_to_order_placer",
            arguments: "{}"
        )
        call.model(.responseEnded(ModelResponse(id: "r1", status: .completed, toolCalls: [transfer])))
        call.forget()
        guard case .updateSession(var update) = Self.handoff() else { return }
        update.toolResult.toolCallID = "c1"
        update.toolResult.output = #"{"status":"handed over"}"#
        call.command(.updateSession(update))
        let kinds = call.commands.map { command in
            switch command {
            case .update: "update"
            case .add: "add"
            case .respond: "respond"
            default: "other"
            }
        }
        #expect(kinds == ["update", "add", "respond"])
        #expect(Self.says(call.commands.last, "Say that you take orders."))
        call.model(.itemAdded(itemID: "output_1", previousItemID: "i1", kind: .hidden))
        call.reply("a1", in: "r2", ms: 100)
        call.finish("a1", in: "r2")
        #expect(call.commands.count == 3)
    }

    @Test func `the next agent says its first line after what is being said`() {
        var call = Self.ready { _ in }
        call.turn("u1")
        call.reply("a1", in: "r1", ms: 100)
        call.forget()
        call.command(Self.handoff())
        guard case .update? = call.commands.first else {
            Issue.record("the session is not updated")
            return
        }
        #expect(call.commands.count == 1)
        call.finish("a1", in: "r1")
        #expect(Self.says(call.commands.last, "Say that you take orders."))
    }

    @Test(arguments: [false, true])
    func `an opening that nobody heard is said by the next owner`(_ wasSaid: Bool) {
        var state = CallState()
        state.callSid = Call.sid
        state.session = Call.start()
        state.session.agent.opening = "Greet them."
        state.streamEpoch = 1
        if wasSaid {
            var item = ConversationItem()
            item.utterance.itemID = "a1"
            item.utterance.speaker = .agent
            item.utterance.text = "Hello."
            state.conversation = [item]
        }
        var call = Call(restoring: state)
        call.start()
        call.connect()
        #expect(Self.says(call.commands.last, "Greet them.") == !wasSaid)
    }

    // MARK: Silence

    private static func silent(prompts: UInt32 = 2) -> Call {
        Self.ready { agent in
            agent.settings.idle.seconds = 10
            agent.settings.idle.prompts = prompts
            agent.settings.idle.prompt = "Are they there?"
        }
    }

    @Test func `nobody speaks: the person is asked, then told goodbye, then the call ends`() {
        var call = Self.silent(prompts: 1)
        call.hear(499)
        #expect(call.commands.isEmpty)
        call.hear(3)
        #expect(Self.says(call.commands.last, "Are they there?"))
        #expect(call.events.map(\.timerFired.timer) == ["idle_prompt"])
        call.reply("a1", in: "r1", ms: 100)
        call.finish("a1", in: "r1")
        call.forget()
        call.hear(1000)
        #expect(call.commands.isEmpty, "the phone has not played it yet")
        call.hear(502, playout: playout("a1", 100))
        #expect(Self.says(call.commands.last, "Say goodbye"))
        #expect(call.events.map(\.timerFired.timer) == ["idle_goodbye"])
        call.forget()
        call.reply("a2", in: "r2", ms: 100)
        call.finish("a2", in: "r2")
        #expect(call.played.last?.control == .hangUp)
    }

    @Test func `whoever answers is not asked again`() {
        var call = Self.silent(prompts: 1)
        call.hear(502)
        call.reply("a1", in: "r1", ms: 100)
        call.finish("a1", in: "r1")
        call.hear(1, playout: playout("a1", 100))
        call.turn("u1")
        call.reply("a2", in: "r2", ms: 100)
        call.finish("a2", in: "r2")
        call.forget()
        call.hear(502, playout: playout("a2", 100))
        #expect(Self.says(call.commands.last, "Are they there?"))
    }

    @Test func `without a limit silence is left alone`() {
        var call = Self.ready { _ in }
        call.hear(5000)
        #expect(call.commands.isEmpty)
    }

    // MARK: Interruption

    @Test func `an agent that may not be interrupted speaks on`() {
        var call = Self.ready { $0.settings.turnDetection.interruptResponse = false }
        call.turn("u1")
        call.reply("a1", in: "r1", ms: 100)
        call.forget()
        call.model(.speechStarted(itemID: "u2", audioStartMs: 900))
        call.speak("a1", in: "r1", ms: 100)
        #expect(call.clears.isEmpty && call.commands.isEmpty)
        #expect(call.played.count == 5)
        call.model(.speechStopped(itemID: "u2"))
        call.model(
            .failed(ModelFailure(kind: .responseAlreadyActive, code: "conversation_already_has_active_response"))
        )
        call.finish("a1", in: "r1")
        #expect(call.commands == [.respond(instructions: nil)])
    }

    @Test func `a turn that the service does not answer by itself is answered when asked`() {
        var call = Self.ready { $0.settings.turnDetection.createResponse = false }
        call.turn("u1")
        #expect(call.commands == [.respond(instructions: nil)])
    }

    // MARK: Latency

    @Test func `how long the person waited is measured when the phone plays the answer`() {
        var call = Self.ready { _ in }
        call.turn("u1")
        call.reply("a1", in: "r1", ms: 100)
        call.forget()
        call.hear(1, playout: playout("a1", 0))
        #expect(call.events.isEmpty)
        call.hear(9, playout: playout("a1", 20))
        let measured = call.events.map(\.turnMeasured)
        #expect(measured.count == 1)
        #expect(measured.first?.responseID == "r1")
        // Each event of the model takes 1 ms here, each frame 20 ms.
        #expect(measured.first?.firstAudioMs == 4)
        #expect(measured.first?.firstPlayedMs == 24)
    }
}
