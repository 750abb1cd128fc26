package import CallEvents

/// What the fold of one event asks for. The coordinator writes records in one transaction with the new state and the
/// input offset; it does what is an effect outside of the fold.
package enum CallOutput: Sendable, Equatable {
    case command(CallCommand)
    case telephony(TelephonyCommand)
    case result(CallResult)
    case effect(CallEffect)
}

/// What is decided or done outside of the fold, because it takes more than the call's events to know: the agents' file,
/// a tool's work. Its outcome comes back as an event, and only that changes the state.
package enum CallEffect: Sendable, Equatable {
    /// Choose the agent that begins and the limits: `CallPlanned`.
    case plan
    /// Run this tool: `ToolStarted`, `ToolCompleted`.
    case runTool(ToolCall)
    /// It is written down that this tool, which somebody else carries out, is begun: now it may be.
    case beginTool(ToolCall)
    /// Decide on a handoff that somebody outside asked for: `AgentChanged` or `HandoffRefused`.
    case handOver(PendingHandoff)
    /// The time of a tool is up, or whoever ran it is gone: `ToolCompleted`. Nobody knows what came of one that must not
    /// run twice.
    case giveUpTool(ToolCall, mayRepeat: Bool)
}
