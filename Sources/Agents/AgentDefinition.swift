import CallEvents

/// One agent of the agents' file.
struct AgentDefinition: Sendable {
    var id: String
    /// What it is for and when to hand over to it: the other agents' models read it.
    var description: String
    var instructions: Template
    /// What it says first when it takes the conversation over, or begins a call; it waits when that is empty, or nothing
    /// was given.
    var opening: Template?
    /// Names of built-in and of http tools, beside those that every agent has.
    var tools: [String]
    /// Agents that it may hand over to, as the file lists them.
    var handoffs: [String]
    /// With the agent's voice.
    var settings: SessionSettings
    /// All that the model is told of its tools: the same in every call.
    var definitions: [ToolDefinition] = []
}
