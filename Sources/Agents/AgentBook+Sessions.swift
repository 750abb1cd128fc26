package import CallEvents
import CallFlow
import SwiftProtobuf

extension AgentBook {
    /// Who begins a call, and its limits.
    /// - Parameters:
    ///   - otherQuotes: of other calls of the same request.
    ///   - atUs: now, Unix microseconds.
    package func plan(for state: CallState, otherQuotes: [Quote] = [], atUs: Int64) -> CallPlanned {
        let call = CallValues(state, handoff: nil, otherQuotes: otherQuotes, atUs: atUs, timeZone: self.timeZone)
        return .with {
            $0.agent = self.agent(self.beginsWith).map { self.session(of: $0, call) } ?? AgentSession()
            $0.limits = self.limits
            $0.limits.maxCallSeconds = self.maxCallSeconds
            if self.maxCallSeconds > 0 {
                $0.limits.windDownSeconds = min(self.limits.windDownSeconds, self.maxCallSeconds / 2)
            }
            $0.limits.voicemailMessage = self.voicemailMessage?.render(call.values, partials: self.partials) ?? ""
        }
    }

    /// An agent as the session needs it for this call.
    /// - Parameters:
    ///   - handoff: the one by which it gets the conversation; nil when it has it.
    ///   - otherQuotes: of other calls of the same request.
    ///   - atUs: now, Unix microseconds.
    /// - Returns: nil when there is no such agent.
    package func session(
        of id: String,
        in state: CallState,
        handoff: Handoff? = nil,
        otherQuotes: [Quote] = [],
        atUs: Int64
    ) -> AgentSession? {
        guard let agent = self.agent(id) else { return nil }
        let call = CallValues(state, handoff: handoff, otherQuotes: otherQuotes, atUs: atUs, timeZone: self.timeZone)
        var session = self.session(of: agent, call)
        // Whoever takes over speaks first: the person would wait for nothing.
        if handoff != nil, session.opening.isEmpty { session.opening = Self.takingOver }
        return session
    }

    private static let takingOver = """
        You have just taken the conversation over; the person has not noticed. Go on where it stands in one short \
        sentence: do not greet, and do not ask for what was said already.
        """

    private func session(of agent: AgentDefinition, _ call: CallValues) -> AgentSession {
        .with {
            $0.agent = agent.id
            $0.instructions = agent.instructions.render(call.values, partials: self.partials)
            $0.opening = agent.opening?.render(call.values, partials: self.partials) ?? ""
            $0.tools = agent.definitions
            $0.settings = agent.settings
        }
    }
}
