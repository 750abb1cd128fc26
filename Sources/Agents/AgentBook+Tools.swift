import CallEvents
import CallFlow
import JSON
import SwiftProtobuf

extension AgentBook {
    /// When all agents are known.
    mutating func defineTools() {
        for index in self.agents.indices { self.agents[index].definitions = self.tools(of: self.agents[index]) }
    }

    private func tools(of agent: AgentDefinition) -> [ToolDefinition] {
        let own = agent.tools.compactMap { name in
            Tool(rawValue: name)?.definition ?? self.httpTool(named: name)?.definition
        }
        let transfers = self.handoffs(of: agent.id).compactMap { self.agent($0).map(Self.transfer) }
        return own + transfers + Self.commonTools.map(\.definition)
    }

    /// `transfer_to_*{reason*, context}`
    private static func transfer(to agent: AgentDefinition) -> ToolDefinition {
        .with {
            $0.name = Tool.transferPrefix + agent.id
            $0.description_p = """
                Hand the conversation over to \(agent.id): \(agent.description) It hears all that was said and speaks \
                next, with your voice: say nothing about the handover, and call no other tool beside this one.
                """
            $0.parameters =
                JSONValue.object([
                    "type": "object",
                    "properties": [
                        "reason": [
                            "type": "string",
                            "description": "Why, in a few words, such as: the customer wants to book.",
                        ],
                        "context": [
                            "type": "string",
                            "description": .string(
                                "What \(agent.id) must know to go on: what is agreed, what is open, names and numbers."
                            ),
                        ],
                    ],
                    "required": ["reason"],
                    "additionalProperties": false,
                ]).text
        }
    }
}
