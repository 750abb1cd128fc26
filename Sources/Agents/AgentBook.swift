import CallEvents
package import CallFlow
import SwiftProtobuf

/// The agents of a deployment: who they are, what they may use, whom they hand over to, and what limits a call has.
///
/// Made from an agents' file; what is wrong with that is found then, so that rendering and deciding cannot fail.
package struct AgentBook: Sendable {
    /// The agent that every call begins with, and to which all others return.
    package internal(set) var beginsWith = ""
    /// Where the businesses are; nil when it is not known.
    package internal(set) var timeZone: TimeZoneRules?
    /// The declared tools of other systems, in the order of the file.
    package var httpTools: [HTTPTool] = []
    /// From the answer on; 0: no limit. The environment's word counts before the file's.
    package var maxCallSeconds: UInt32 = 180

    var limits = CallLimits()
    var voicemailMessage: Template?
    var agents: [AgentDefinition] = []
    var partials = TemplatePartials()

    /// Seconds that a call may be limited to. Twilio ends each after 4 hours.
    package static let maxCallSecondsRange = 0...14_400

    /// Without agents: what stands for a file that cannot be read.
    package static let empty = AgentBook()

    init() {}

    /// In the order of the file.
    package var agentIDs: [String] { self.agents.map(\.id) }

    /// Of all that agents can be given.
    package var toolNames: [String] {
        Tool.allCases.map(\.rawValue) + self.httpTools.map(\.name) + self.agentIDs.map { Tool.transferPrefix + $0 }
    }

    package func httpTool(named name: String) -> HTTPTool? { self.httpTools.first { $0.name == name } }

    func agent(_ id: String) -> AgentDefinition? { self.agents.first { $0.id == id } }

    /// Whom an agent may hand over to: those that the file names, and the agent that begins. One that is not in the file
    /// (any more) may give the conversation back.
    package func handoffs(of id: String) -> [String] {
        let named = self.agent(id)?.handoffs ?? []
        return id == self.beginsWith || named.contains(self.beginsWith) ? named : named + [self.beginsWith]
    }

    /// What every agent has, whatever the file says.
    static let commonTools: [Tool] = [.endCall, .sendDigits, .reportVoicemail, .noteTone]
}
