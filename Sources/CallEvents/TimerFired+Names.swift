extension TimerFired {
    /// A person who has been silent for long is asked whether they are still there.
    package static let idlePrompt = "idle_prompt"
    /// They did not answer: they are told goodbye, and the line is closed.
    package static let idleGoodbye = "idle_goodbye"
}
