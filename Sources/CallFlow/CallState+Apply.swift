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

extension CallState {
    /// Folds one event of topic events into the state: pure, deterministic, the same on any instance.
    ///
    /// An event at or before `appliedOffset`, a repeat, and an event of a session that another has fenced change
    /// nothing and ask for nothing.
    package mutating func apply(_ event: CallEvent, at offset: Int64) -> [CallOutput] {
        fatalError("stub")
    }
}
