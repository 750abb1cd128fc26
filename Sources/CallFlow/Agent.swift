package import CallEvents
import SwiftProtobuf

/// Who speaks for the customer: instructions over a call's request, and the tools it may use.
package struct Agent: Sendable {
    package var name: String
    package var tools: [Tool]
    private var instructions: @Sendable (CallRequested) -> String
    /// What it says first; nil when it waits to be spoken to.
    private var opening: @Sendable (CallRequested) -> String?

    init(
        name: String,
        tools: [Tool],
        opening: @escaping @Sendable (CallRequested) -> String? = { _ in nil },
        instructions: @escaping @Sendable (CallRequested) -> String
    ) {
        self.name = name
        self.tools = tools
        self.opening = opening
        self.instructions = instructions
    }

    /// The agent as the session needs it for one call.
    package func session(for request: CallRequested) -> AgentSession {
        .with {
            $0.agent = self.name
            $0.instructions = self.instructions(request)
            $0.tools = self.tools.map(\.definition)
            $0.opening = self.opening(request) ?? ""
            // Whoever holds the line says so, or plays music; a line that is silent for long is a dead one.
            $0.settings.idle.seconds = 45
            $0.settings.idle.prompts = 2
        }
    }
}
