import CallEvents
import CallFlow
import SwiftProtobuf
import Testing

@Suite struct HandoffTests {
    private static func handoff(from: String = "main_concierge", to: String = "order_placer", at: Int64 = 5)
        -> AgentChanged
    {
        .with {
            $0.handoff.fromAgent = from
            $0.handoff.toAgent = to
            $0.handoff.reason = "they take the order"
            $0.handoff.atUs = at
            $0.agent.agent = to
            $0.agent.instructions = "You place orders."
            $0.agent.opening = "Say that you take orders."
        }
    }

    private static func handedOver(_ id: String, _ change: AgentChanged) -> CallEvent.OneOf_Body {
        .toolCompleted(
            .with {
                $0.toolCallID = id
                $0.name = "transfer_to_\(change.handoff.toAgent)"
                $0.succeeded = true
                $0.output = "{}"
                $0.agentChanged = change
            }
        )
    }

    private static func asks(_ id: String, for agent: String = "order_placer") -> CallEvent.OneOf_Body {
        .asks(id, "transfer_to_\(agent)", #"{"reason":"they take the order"}"#)
    }

    @Test func `a tool hands over with one command, which carries its output`() throws {
        let log = Log([.requested, .claimed, Self.asks("c1"), Self.handedOver("c1", Self.handoff())])
        #expect(log.outputs.dropFirst().map(\.label) == ["run c1", "handoff/\(Log.callSid)/1"])
        guard case .command(let command) = try #require(log.outputs.last) else { throw Unexpected() }
        #expect(command.updateSession.agent.instructions == "You place orders.")
        #expect(command.updateSession.toolResult.toolCallID == "c1")
        #expect(log.state.agent == "order_placer")
        #expect(log.state.session.agent.agent == "order_placer")
        #expect(log.state.handoffs.map(\.toAgent) == ["order_placer"])
        #expect(log.state.pendingEffects.isEmpty)
    }

    @Test func `of two handoffs at once the first is made and the second is answered`() {
        let log = Log([
            .requested, .claimed, Self.asks("c1"), Self.asks("c2", for: "quotes_validator"),
            Self.handedOver("c1", Self.handoff()), Self.handedOver("c2", Self.handoff(to: "quotes_validator")),
        ])
        #expect(log.outputs.suffix(2).map(\.label) == ["handoff/\(Log.callSid)/1", "tool-result/c2"])
        #expect(log.state.agent == "order_placer")
    }

    @Test func `the same way may be gone again`() {
        let back = Self.handoff(from: "order_placer", to: "main_concierge", at: 6)
        let log = Log([
            .requested, .claimed, Self.asks("c1"), Self.handedOver("c1", Self.handoff()),
            Self.asks("c2", for: "main_concierge"), Self.handedOver("c2", back),
            Self.asks("c3"), Self.handedOver("c3", Self.handoff(at: 7)),
        ])
        #expect(log.state.handoffs.map(\.toAgent) == ["order_placer", "main_concierge", "order_placer"])
        #expect(log.outputs.last?.label == "handoff/\(Log.callSid)/3")
    }

    // MARK: From outside

    private static func requested(_ log: inout Log, _ id: String, to agent: String = "order_placer") {
        log.add(.handoffRequested(.with { $0.toAgent = agent }), id: id)
    }

    @Test func `a handoff from outside is decided once and then made`() {
        var log = Log([.requested, .claimed])
        Self.requested(&log, "h1")
        Self.requested(&log, "h1")
        #expect(log.outputs.dropFirst().map(\.label) == ["hand over to order_placer"])
        #expect(log.state.pendingEffects.count == 1)
        log.add(.agentChanged(Self.handoff()), id: CallID.handoffDecision("h1"))
        log.add(.agentChanged(Self.handoff()), id: CallID.handoffDecision("h1"))
        #expect(log.outputs.last?.label == "handoff/\(Log.callSid)/1")
        #expect(log.state.handoffs.count == 1 && log.state.agent == "order_placer")
        #expect(log.state.pendingEffects.isEmpty)
        // The same request written again, when the conversation may be elsewhere already.
        Self.requested(&log, "h1")
        #expect(log.outputs.last?.label == "handoff/\(Log.callSid)/1")
        #expect(log.state.pendingEffects.isEmpty)
    }

    @Test func `a refusal settles it`() {
        var log = Log([.requested, .claimed])
        Self.requested(&log, "h1", to: "nobody")
        log.add(.handoffRefused(.with { $0.reason = "There is no agent nobody." }), id: CallID.handoffDecision("h1"))
        #expect(log.state.pendingEffects.isEmpty && log.state.handoffs.isEmpty)
    }

    @Test func `nobody takes over a call that is over`() {
        var log = Log([.requested, .claimed, .status("completed", 3)])
        Self.requested(&log, "h1")
        #expect(log.outputs.last?.label == "end/\(Log.callSid)")
    }
}
