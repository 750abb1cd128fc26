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
        if self.pendingHandoffs.count > Self.keptRequests, let old = self.pendingHandoffs.firstIndex(where: \.decided) {
            self.pendingHandoffs.remove(at: old)
        }
        return [.effect(.handOver(pending))]
    }

    /// Somebody outside has handed the conversation over.
    mutating func agentChanged(_ change: AgentChanged, id: String) -> [CallOutput] {
        let wasPending = self.handoffIsDecided(id)
        guard wasPending, change.handoff.fromAgent == self.agent else { return [] }
        return self.handOver(change)
    }

    /// It is kept, so that the request is not decided again when it is written again.
    /// - Returns: whether the handoff was still to be decided.
    @discardableResult
    mutating func handoffIsDecided(_ id: String) -> Bool {
        let index = self.pendingHandoffs.firstIndex { CallID.handoffDecision($0.eventID) == id && !$0.decided }
        guard let index else { return false }
        self.pendingHandoffs[index].decided = true
        return true
    }

    /// More than a fact that is written again is late.
    private static let keptRequests = 32

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
