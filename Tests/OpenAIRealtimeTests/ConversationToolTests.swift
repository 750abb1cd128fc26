import CallEvents
import NIOCore
import OpenAIRealtime
import Testing

@Suite struct `Tools and the end` {
    private func call(_ id: String) -> ModelResponse.ToolCall {
        ModelResponse.ToolCall(itemID: "item-\(id)", callID: id, name: "extract_quote", arguments: #"{"price":45}"#)
    }

    private func result(_ id: String) -> CallCommand.OneOf_Body {
        var result = ToolResult()
        result.toolCallID = id
        result.output = #"{"ok":true}"#
        return .toolResult(result)
    }

    private func withCalls(_ ids: [String]) -> Call {
        var call = Call.ready()
        call.turn("u1")
        call.model(.responseStarted(responseID: "r1"))
        let calls = ids.map { self.call($0) }
        call.model(.responseEnded(ModelResponse(id: "r1", status: .completed, toolCalls: calls)))
        return call
    }

    @Test func `a finished call is asked for once, with the response that asked`() {
        let call = self.withCalls(["c1"])
        let requested = call.events.compactMap { event in
            if case .toolRequested(let requested)? = event.body { requested } else { nil }
        }
        #expect(requested.map(\.call.toolCallID) == ["c1"])
        #expect(requested.first?.responseID == "r1" && requested.first?.call.agent == "main_concierge")
        #expect(call.responsesDone.map(\.toolCalls) == [1])
        #expect(call.responseRequests == 0)
    }

    @Test func `a call of a cancelled response is not`() {
        var call = Call.ready()
        call.turn("u1")
        call.model(.responseStarted(responseID: "r1"))
        let cut = ModelResponse(id: "r1", status: .cancelled, toolCalls: [self.call("c1")])
        call.model(.responseEnded(cut))
        #expect(!call.events.contains { $0.eventID.hasPrefix("tool-requested") })
    }

    @Test func `one response is asked for when all outputs are in`() {
        var call = self.withCalls(["c1", "c2"])
        call.forget()
        call.command(self.result("c2"))
        #expect(
            call.commands == [.add(.toolOutput(itemID: "output_1", callID: "c2", output: #"{"ok":true}"#), after: nil)]
        )
        call.command(self.result("c1"))
        call.command(self.result("c1"))
        call.command(self.result("unknown"))
        #expect(call.commands.count == 3)
        #expect(call.commands.last == .respond(instructions: nil))
        call.model(.itemAdded(itemID: "output_1", previousItemID: "item-c2", kind: .hidden))
        call.model(.itemAdded(itemID: "output_2", previousItemID: "output_1", kind: .hidden))
        call.forget()
        call.reply("a1", in: "r2", ms: 20)
        call.finish("a1", in: "r2")
        #expect(call.responseRequests == 0)
    }

    @Test func `a tool that is late gets an output that says so, and its result is told when it comes`() {
        var call = self.withCalls(["c1"])
        #expect(call.actions.contains(.schedule(.toolTimeout("c1"), after: .seconds(20))))
        call.forget()
        call.actions += call.conversation.timerFired(.toolTimeout("c1"))
        guard case .add(.toolOutput(_, "c1", let output), after: nil)? = call.commands.first else {
            Issue.record("the model is left waiting")
            return
        }
        #expect(output.contains("no_answer_in_time"))
        #expect(call.commands.last == .respond(instructions: nil))
        call.model(.itemAdded(itemID: "output_1", previousItemID: "item-c1", kind: .hidden))
        call.reply("a1", in: "r2", ms: 20)
        call.finish("a1", in: "r2")
        call.forget()
        call.actions += call.conversation.timerFired(.toolTimeout("c1"))
        #expect(call.commands.isEmpty)
        call.command(self.result("c1"))
        #expect(
            call.commands == [
                .add(.note(#"extract_quote has answered after all: {"ok":true}"#), after: nil),
                .respond(instructions: nil),
            ]
        )
    }

    @Test func `a tool that has answered is not late`() {
        var call = self.withCalls(["c1"])
        call.command(self.result("c1"))
        call.forget()
        call.actions += call.conversation.timerFired(.toolTimeout("c1"))
        #expect(call.actions.isEmpty)
    }

    @Test func `no response is asked for while one is active or the person speaks`() {
        var call = self.withCalls(["c1"])
        call.model(.responseStarted(responseID: "r2"))
        call.forget()
        call.command(self.result("c1"))
        #expect(call.responseRequests == 0)
        call.model(.speechStarted(itemID: "u2", audioStartMs: 9000))
        call.model(.responseEnded(ModelResponse(id: "r2", status: .cancelled)))
        #expect(call.responseRequests == 0)
        call.model(.itemAdded(itemID: "output_1", previousItemID: "item-c1", kind: .hidden))
        call.model(.speechStopped(itemID: "u2"))
        #expect(call.responseRequests == 0)
        // The answer to the turn has seen the output: nothing is left to be said about it.
        call.model(.responseStarted(responseID: "r3"))
        call.model(.responseEnded(ModelResponse(id: "r3", status: .completed)))
        #expect(call.responseRequests == 0)
    }

    @Test func `an output that an answer has not seen gets a response of its own`() {
        var call = self.withCalls(["c1"])
        call.turn("u2")
        call.command(self.result("c1"))
        call.model(.responseStarted(responseID: "r2"))
        call.model(.itemAdded(itemID: "output_1", previousItemID: "u2", kind: .hidden))
        #expect(call.responseRequests == 0)
        call.model(.responseEnded(ModelResponse(id: "r2", status: .completed)))
        #expect(call.responseRequests == 1)
    }

    @Test func `a refused request is made again when the active response is done`() {
        var call = self.withCalls(["c1"])
        call.command(self.result("c1"))
        #expect(call.responseRequests == 1)
        call.model(.responseStarted(responseID: "r2"))
        let refusal = ModelFailure(kind: .responseAlreadyActive, code: "conversation_already_has_active_response")
        call.model(.failed(refusal))
        #expect(call.responseRequests == 1)
        call.model(.responseEnded(ModelResponse(id: "r2", status: .completed)))
        #expect(call.responseRequests == 2)
    }

    @Test func `a response that crosses the person's first word is cancelled`() {
        var call = self.withCalls(["c1"])
        call.command(self.result("c1"))
        call.model(.speechStarted(itemID: "u2", audioStartMs: 9000))
        call.forget()
        call.reply("a1", in: "r2", ms: 100)
        #expect(call.commands == [.cancelResponse(responseID: "r2")])
        #expect(call.played.isEmpty)
    }

    @Test func `the recorded function call is requested with its arguments`() throws {
        var call = Call()
        call.start()
        let sequence = try #require(Vectors.sequences.first { $0.name == "function-call" })
        for step in sequence.steps where step.fromServer { try call.message(step.event) }
        let requested = call.events.filter { $0.eventID.hasPrefix("tool-requested") }
        #expect(requested.count == 1)
        #expect(requested.first?.toolRequested.call.name == "lookup_order")
        #expect(requested.first?.toolRequested.call.arguments == #"{"order_number":"4711"}"#)
        #expect(call.utterances.map(\.text).contains("It shipped."))
        // Tool outputs are no items of other stages: the reply stands behind the call.
        #expect(call.utterances.last?.previousItemID == "item_sF1")
    }

    @Test func `hanging up waits for the response and goes behind its last audio`() {
        var call = Call.ready()
        call.turn("u1")
        call.reply("a1", in: "r1", ms: 40, text: "Bye")
        var end = EndSession()
        end.reason = "done"
        end.hangUpWhenPlayed = true
        call.command(.endSession(end))
        #expect(!call.played.contains { $0.control == .hangUp })
        call.finish("a1", in: "r1", text: "Bye")
        #expect(call.played.map(\.control) == [.none, .none, .endOfItem, .hangUp])
        #expect(call.played.map(\.sequence) == [0, 1, 2, 3])
        call.forget()
        // The goodbye is not cut, and nothing more is heard or said.
        call.model(.speechStarted(itemID: "u2", audioStartMs: 9000))
        call.hear(2)
        #expect(call.clears.isEmpty && call.commands.isEmpty && call.appended.isEmpty)

        end.hangUpWhenPlayed = false
        end.reason = "completed"
        call.command(.endSession(end))
        #expect(call.events.last?.sessionEnded.reason == "completed")
        #expect(call.actions.last == .end)
    }

    @Test func `another agent goes on in the same session`() {
        var call = Call.ready()
        var update = UpdateSession()
        update.agent.agent = "order_placer"
        update.agent.instructions = "Order."
        call.command(.updateSession(update))
        #expect(call.commands == [.update(update.agent, withSettings: false)])
        call.turn("u1")
        call.reply("a1", in: "r1", ms: 20)
        call.finish("a1", in: "r1")
        #expect(call.utterances.first?.agent == "order_placer")
        call.command(.startSession(Call.start()))
        #expect(call.commands.count == 1)
    }
}
