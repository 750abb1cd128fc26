package import CallEvents

/// What the fold of one event asks for. The coordinator writes records in one transaction with the new state and the
/// input offset, and runs tools outside of the fold.
package enum CallOutput: Sendable, Equatable {
    case command(CallCommand)
    case telephony(TelephonyCommand)
    case quote(Quote)
    /// Run this tool; its start and completion come back as events.
    case runTool(ToolCall)
}
