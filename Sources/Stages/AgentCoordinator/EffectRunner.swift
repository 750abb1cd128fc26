import Agents
import CallEvents
import CallFlow

/// Does what the fold asks for outside of itself, by the agents' file, the quotes of other calls and the clock. What
/// comes of it are events; tools of other systems are for the caller to begin.
struct EffectRunner: Sendable {
    struct Outcome {
        var events: [(id: String, body: CallEvent.OneOf_Body)] = []
        /// To be begun when the state is written, which knows that it is.
        var call: HTTPToolCall?
    }

    let agents: AgentBook
    /// The quotes that other calls than this one have of a request.
    let quotes: @Sendable (_ callSid: String, _ requestID: String) -> [Quote]
    /// Whether this process is at work on a call's tool.
    let isRunning: @Sendable (ToolCall, _ callSid: String) -> Bool

    /// - Parameter state: after the event that asked for it.
    func perform(_ effect: CallEffect, of state: CallState, atUs: Int64) -> Outcome {
        switch effect {
        case .plan:
            let plan = self.agents.plan(for: state, otherQuotes: self.others(state), atUs: atUs)
            return Outcome(events: [(CallID.planned(state.callSid), .callPlanned(plan))])
        case .runTool(let call): return self.run(call, of: state, atUs: atUs)
        case .beginTool(let call):
            return Outcome(call: self.agents.httpTool(named: call.name).map { self.request(call, to: $0, of: state) })
        case .giveUpTool(let call, let mayRepeat):
            // Not when this process is at work on it, and has only read the state again.
            let isOverdue = state.timersFired.contains(TimerFired.tool(call.toolCallID))
            if !isOverdue, self.isRunning(call, state.callSid) { return Outcome() }
            let error = ToolError.unanswered(call.name, mayRepeat: mayRepeat)
            return Outcome(events: [self.completed(error.completed(call), of: state)])
        case .handOver(let pending):
            return Outcome(events: [
                (
                    CallID.handoffDecision(pending.eventID),
                    self.agents.decide(pending, in: state, otherQuotes: self.others(state), atUs: atUs)
                )
            ])
        }
    }

    private func run(_ call: ToolCall, of state: CallState, atUs: Int64) -> Outcome {
        guard state.session.agent.tools.contains(where: { $0.name == call.name }) else {
            let error = ToolError(
                "You have no tool \(call.name). Use only the tools that you were given.",
                code: .unknownTool
            )
            return Outcome(events: [self.completed(error.completed(call), of: state)])
        }
        if let tool = self.agents.httpTool(named: call.name) { return self.begin(tool, call, of: state) }
        let completed =
            call.name.hasPrefix(Tool.transferPrefix)
            ? self.agents.handOver(call, in: state, otherQuotes: self.others(state), atUs: atUs)
            : Tool.run(call, in: self.context(of: state, atUs: atUs))
        var started = ToolStarted()
        started.toolCallID = call.toolCallID
        started.name = call.name
        started.repeatable = true
        return Outcome(events: [self.started(started, of: state), self.completed(completed, of: state)])
    }

    /// Another system's tool: it is begun when the state says so, or whoever has the call next would not know that it
    /// was.
    private func begin(_ tool: HTTPTool, _ call: ToolCall, of state: CallState) -> Outcome {
        if state.hasStarted(call) { return Outcome(call: self.request(call, to: tool, of: state)) }
        if let error = tool.problem(with: call) {
            return Outcome(events: [self.completed(error.completed(call), of: state)])
        }
        var started = ToolStarted()
        started.toolCallID = call.toolCallID
        started.name = call.name
        started.repeatable = tool.isRepeatable
        // The process that runs it gives up by itself; this is for when it does not.
        started.timeoutMs = UInt32(clamping: Int64(tool.timeout / .milliseconds(1)) + 2_000)
        return Outcome(events: [self.started(started, of: state)])
    }

    private func request(_ call: ToolCall, to tool: HTTPTool, of state: CallState) -> HTTPToolCall {
        HTTPToolCall(
            call: call,
            callSid: state.callSid,
            requestID: state.request.requestID,
            businessName: state.request.businessName,
            tool: tool
        )
    }

    private func context(of state: CallState, atUs: Int64) -> ToolContext {
        var context = ToolContext(state, others: self.others(state), atUs: atUs)
        context.timeZone = self.agents.timeZone
        return context
    }

    private func others(_ state: CallState) -> [Quote] {
        self.quotes(state.callSid, state.request.requestID)
    }

    private func started(_ started: ToolStarted, of state: CallState) -> (id: String, body: CallEvent.OneOf_Body) {
        (CallID.toolStarted(state.callSid, toolCallID: started.toolCallID), .toolStarted(started))
    }

    private func completed(_ completed: ToolCompleted, of state: CallState) -> (id: String, body: CallEvent.OneOf_Body)
    {
        (CallID.toolCompleted(state.callSid, toolCallID: completed.toolCallID), .toolCompleted(completed))
    }
}
