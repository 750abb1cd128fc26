package import CallEvents

/// What the conversation asks of the model, whichever protocol carries it.
package enum ModelCommand: Equatable, Sendable {
    /// Once for each session, before anything else.
    case configure(AgentSession, format: AudioFrame.Codec)
    /// Another agent speaks from now on, with the same voice; `withSettings` when it hears or speaks otherwise.
    case update(AgentSession, withSettings: Bool)
    /// `after`: nil for the end of the conversation.
    case add(Item, after: String?)
    case remove(itemID: String)
    /// The person heard this much of the item; the model must not believe more.
    case truncate(itemID: String, contentIndex: Int, playedMs: Int)
    /// Respond now, to the conversation as it is or as the instructions say.
    case respond(instructions: String?)
    /// Respond without a word: only the tools that the instructions speak of are called.
    case respondSilently(instructions: String)
    case cancelResponse(responseID: String)

    package enum Item: Equatable, Sendable {
        case personText(itemID: String?, String)
        case agentText(itemID: String?, String)
        case toolCall(itemID: String?, callID: String, name: String, arguments: String)
        /// Something that neither of them said.
        case note(String)
        case toolOutput(itemID: String?, callID: String, output: String)
    }
}

extension ModelCommand {
    static func update(_ agent: AgentSession, after previous: AgentSession) -> Self {
        .update(agent, withSettings: agent.settings != previous.settings)
    }
}
