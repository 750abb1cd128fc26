extension TimerFired {
    /// A person who has been silent for long is asked whether they are still there.
    package static let idlePrompt = "idle_prompt"
    /// They did not answer: they are told goodbye, and the line is closed.
    package static let idleGoodbye = "idle_goodbye"
    /// The agent is to come to an end: the call may last so long and no longer.
    package static let windDown = "wind_down"
    /// It has not: the line is closed.
    package static let limit = "limit"
    /// A goodbye was not played, whatever the reason: the line is closed.
    package static let goodbye = "goodbye"
    /// The call is over, and nothing more is expected to come.
    package static let settled = "settled"
    /// The time of a tool is up.
    package static func tool(_ toolCallID: String) -> String { "tool/\(toolCallID)" }
}
