import CallEvents
import SwiftProtobuf

// Who speaks. A handoff is decided outside of the fold, by the agents' file; the fold makes it, when the conversation has
// not been handed to somebody else meanwhile.
extension CallState {
    /// A tool of the agent's hands the conversation over: the session gets the new agent and the tool's output in one
    /// command, and the new agent speaks first.
    mutating func handedOver(_ completed: ToolCompleted, _ call: ToolCall) -> [CallOutput] {
        let change = completed.agentChanged
        guard change.handoff.fromAgent == self.agent else {
            let error = ToolError("\(self.agent) has the conversation already.", code: .handoffRefused)
            return self.answer(call, succeeded: false, output: error.output)
        }
        // Noted here, since the command carries the answer.
        _ = self.answer(call, succeeded: true, output: completed.output)
        return self.handOver(change) {
            $0.toolResult.toolCallID = call.toolCallID
            $0.toolResult.output = completed.output
        }
    }

    mutating func handoffRequested(_ request: HandoffRequested, id: String) -> [CallOutput] {
        guard self.hasRequest, self.phase != .ended, !self.pendingHandoffs.contains(where: { $0.eventID == id })
        else { return [] }
        let pending = PendingHandoff.with {
            $0.eventID = id
            $0.request = request
        }
        self.pendingHandoffs.append(pending)
        return [.effect(.handOver(pending))]
    }

    /// Somebody outside has handed the conversation over.
    mutating func agentChanged(_ change: AgentChanged, id: String) -> [CallOutput] {
        let wasPending = self.settleHandoff(id)
        guard wasPending, change.handoff.fromAgent == self.agent else { return [] }
        return self.handOver(change)
    }

    /// - Returns: whether the handoff was still to be decided.
    @discardableResult
    mutating func settleHandoff(_ id: String) -> Bool {
        let count = self.pendingHandoffs.count
        self.pendingHandoffs.removeAll { CallID.handoffDecision($0.eventID) == id }
        return self.pendingHandoffs.count < count
    }

    private mutating func handOver(
        _ change: AgentChanged,
        answering: (inout UpdateSession) -> Void = { _ in }
    ) -> [CallOutput] {
        guard self.phase != .ended else { return [] }
        self.handoffs.append(change.handoff)
        self.agent = change.handoff.toAgent
        self.session.agent = change.agent
        return [
            self.command(CallID.handoff(self.callSid, self.handoffs.count)) {
                $0.updateSession.agent = change.agent
                answering(&$0.updateSession)
            }
        ]
    }
}
