import Agents
import CallEvents
import CallFlow
import JSON
import SwiftProtobuf
import Testing

@Suite struct HandoffDecisionTests {
    private let book: AgentBook

    init() throws { self.book = try AgentBook.builtIn() }

    private func handOver(_ call: ToolCall, _ state: CallState) -> ToolCompleted {
        self.book.handOver(call, in: state, atUs: Calls.nowUs)
    }

    private func error(_ completed: ToolCompleted) throws -> (code: String?, message: String?) {
        let error = try JSONValue(parsing: completed.output)["error"]
        #expect(!completed.succeeded && !completed.hasAgentChanged)
        return (error?["code"]?.stringValue, error?["message"]?.stringValue)
    }

    @Test func `an agent hands over with its reason and context, and the next one speaks first`() throws {
        let state = Calls.speaking("main_concierge", of: self.book)
        let call = Calls.asks("transfer_to_order_placer", #"{"reason":" wants\n pizza ","context":"two large"}"#)
        let completed = self.handOver(call, state)
        #expect(completed.succeeded && completed.toolCallID == "c1" && completed.name == "transfer_to_order_placer")
        #expect(
            completed.agentChanged.handoff
                == .with {
                    $0.fromAgent = "main_concierge"
                    $0.toAgent = "order_placer"
                    $0.reason = "wants pizza"
                    $0.context = "two large"
                    $0.atUs = Calls.nowUs
                }
        )
        let session = completed.agentChanged.agent
        #expect(session.agent == "order_placer" && !session.opening.isEmpty)
        #expect(session.instructions.contains("Reason: \"wants pizza\""))
        #expect(session.instructions.contains("What they noted: \"two large\""))
        #expect(try JSONValue(parsing: completed.output)["status"] == "handed_over")
    }

    @Test(arguments: ["quotes_validator", "order_placer", "appointment_scheduler"])
    func `a specialist gives the conversation back, and the concierge goes on`(_ agent: String) throws {
        let state = Calls.speaking(agent, handoffs: 1, of: self.book)
        let completed = self.handOver(Calls.asks("transfer_to_main_concierge", #"{"reason":"done"}"#, by: agent), state)
        #expect(completed.succeeded && completed.agentChanged.agent.agent == "main_concierge")
        #expect(completed.agentChanged.agent.opening.contains("without a greeting"))
        #expect(!completed.agentChanged.agent.opening.contains("Greet them"))
    }

    @Test(arguments: ["", "{}", #"{"reason":"  "}"#, #"{"reason":null}"#, "[]", "not JSON"])
    func `a handoff needs a reason`(_ arguments: String) throws {
        let state = Calls.speaking("main_concierge", of: self.book)
        let error = try self.error(self.handOver(Calls.asks("transfer_to_order_placer", arguments), state))
        #expect(error.code == "invalid_arguments" && error.message?.contains("again") == true)
    }

    @Test func `a context that is no text is taken as it is written`() {
        let state = Calls.speaking("main_concierge", of: self.book)
        let call = Calls.asks("transfer_to_order_placer", #"{"reason":"r","context":{"b":[1],"a":"x"}}"#)
        #expect(self.handOver(call, state).agentChanged.handoff.context == #"{"a":"x","b":[1]}"#)
    }

    @Test(arguments: ["transfer_to_nobody", "transfer_to_", "transfer_to_quotes_validator", "transfer", ""])
    func `only where the agent may hand over to`(_ name: String) throws {
        let state = Calls.speaking("order_placer", handoffs: 1, of: self.book)
        let error = try self.error(self.handOver(Calls.asks(name, #"{"reason":"r"}"#, by: "order_placer"), state))
        #expect(error.code == "unknown_tool" && error.message?.contains("transfer_to_main_concierge") == true)
    }

    @Test func `not to itself, not by whom has lost it, not at the end, and not for ever`() throws {
        let arguments = #"{"reason":"r"}"#
        var state = Calls.speaking("main_concierge", of: self.book)
        let toItself = self.handOver(Calls.asks("transfer_to_main_concierge", arguments), state)
        #expect(try self.error(toItself).code == "handoff_refused")
        let late = self.handOver(Calls.asks("transfer_to_main_concierge", arguments, by: "order_placer"), state)
        #expect(try self.error(late).message == "main_concierge has the conversation already.")
        state.ending = true
        let atTheEnd = self.handOver(Calls.asks("transfer_to_order_placer", arguments), state)
        #expect(try self.error(atTheEnd).code == "handoff_refused")

        let call = Calls.asks("transfer_to_order_placer", arguments)
        #expect(self.handOver(call, Calls.speaking("main_concierge", handoffs: 9, of: self.book)).succeeded)
        let tooOften = self.handOver(call, Calls.speaking("main_concierge", handoffs: 10, of: self.book))
        #expect(try self.error(tooOften).message?.contains("10 times") == true)
    }

    @Test func `the limit is that of the call's plan, whatever the file says now`() {
        var state = Calls.speaking("main_concierge", handoffs: 2, of: self.book)
        state.limits.maxHandoffs = 2
        #expect(!self.handOver(Calls.asks("transfer_to_order_placer", #"{"reason":"r"}"#), state).succeeded)
    }

    @Test func `an agent that is not in the file any more gives the conversation back`() {
        let state = Calls.speaking("gone", of: self.book)
        #expect(
            self.handOver(Calls.asks("transfer_to_main_concierge", #"{"reason":"r"}"#, by: "gone"), state).succeeded
        )
        #expect(!self.handOver(Calls.asks("transfer_to_order_placer", #"{"reason":"r"}"#, by: "gone"), state).succeeded)
    }

    // MARK: From outside

    private func pending(_ agent: String, reason: String = "asked for") -> PendingHandoff {
        .with {
            $0.eventID = "e1"
            $0.request.toAgent = agent
            $0.request.reason = reason
        }
    }

    private func decide(_ agent: String, _ state: CallState) -> CallEvent.OneOf_Body {
        self.book.decide(self.pending(agent), in: state, atUs: Calls.nowUs)
    }

    @Test func `somebody outside hands over to any agent`() throws {
        let state = Calls.speaking("order_placer", of: self.book)
        guard case .agentChanged(let change) = self.decide("quotes_validator", state) else {
            Issue.record("refused")
            return
        }
        #expect(change.handoff.fromAgent == "order_placer" && change.handoff.toAgent == "quotes_validator")
        #expect(change.handoff.reason == "asked for" && change.handoff.atUs == Calls.nowUs)
        #expect(change.agent.agent == "quotes_validator" && !change.agent.opening.isEmpty)
    }

    @Test func `but not to nobody, to whom has it, in a call that has not begun or is over, or for ever`() {
        func reason(_ agent: String, _ state: CallState) -> String {
            guard case .handoffRefused(let refused) = self.decide(agent, state) else { return "" }
            #expect(refused.request == self.pending(agent).request)
            return refused.reason
        }
        var state = Calls.speaking("main_concierge", of: self.book)
        #expect(reason("nobody", state).contains("There is no agent nobody"))
        #expect(reason("", state).contains("There is no agent"))
        #expect(reason("main_concierge", state).contains("already"))
        #expect(reason("order_placer", Calls.requested()).contains("not begun"))
        #expect(
            reason("order_placer", Calls.speaking("main_concierge", handoffs: 10, of: self.book)).contains("10 times")
        )
        state.phase = .ended
        #expect(reason("order_placer", state).contains("end"))
    }

    /// The fold makes the handoff that was decided, with one command that answers the tool.
    @Test func `a decision is what the fold takes`() throws {
        var state = Calls.speaking("main_concierge", of: self.book)
        let call = Calls.asks("transfer_to_appointment_scheduler", #"{"reason":"book it"}"#)
        let asked = CallEvent.with {
            $0.callSid = Calls.callSid
            $0.toolRequested.call = call
        }
        #expect(state.apply(asked, at: 1) == [.effect(.runTool(call))])
        let completed = self.handOver(call, state)
        let outputs = state.apply(
            .with {
                $0.callSid = Calls.callSid
                $0.toolCompleted = completed
            },
            at: 2
        )
        guard case .command(let command) = try #require(outputs.first) else {
            Issue.record("no command")
            return
        }
        #expect(outputs.count == 1)
        #expect(command.updateSession.agent == completed.agentChanged.agent)
        #expect(command.updateSession.toolResult.output == completed.output)
        #expect(state.agent == "appointment_scheduler" && state.handoffs.count == 1)
    }
}
