import CallEvents
import SwiftProtobuf

/// What the file says of one agent, with the lines of what is checked when all agents are known.
struct AgentEntry {
    struct Name {
        var name: String
        var line: Int
    }

    var id: String
    /// Where the id stands.
    var line: Int
    var voiceLine: Int
    var tools: [Name]
    var handoffs: [Name]
    var settings: SessionSettings
    private var description: String?
    private var instructions: Template?
    private var opening: Template?

    /// - Parameters:
    ///   - settings: what holds where the agent says nothing.
    /// - Returns: nil when it has no id by which others could name it.
    init?(_ value: FileValue, settings: SessionSettings, partials: Set<String>) {
        guard let file = value.mapping() else { return nil }
        file.allow([
            "id", "description", "instructions", "opening", "voice", "tools", "handoffs", "session",
        ])
        self.settings = settings
        if let session = file["session"] { self.settings.read(session) }
        if let voice = file["voice"]?.text(limit: 100) { self.settings.voice = voice }
        self.voiceLine = file.line(of: file["voice"] == nil ? "id" : "voice")
        self.tools = Self.names(file["tools"])
        self.handoffs = Self.names(file["handoffs"])
        self.description = file.required("description")?.text(limit: 500)
        self.instructions = file.required("instructions")?.template(partials: partials)
        self.opening = file["opening"]?.template(partials: partials)
        guard let id = file.required("id"), let name = id.name(limit: 52) else { return nil }
        self.id = name
        self.line = id.line
        for target in self.handoffs where target.name == name {
            value.problems.report(target.line, "\(name) cannot hand over to itself.")
        }
    }

    /// nil when something is missing or wrong.
    var definition: AgentDefinition? {
        guard let description, let instructions else { return nil }
        return AgentDefinition(
            id: self.id,
            description: description.split(whereSeparator: \.isWhitespace).joined(separator: " "),
            instructions: instructions,
            opening: self.opening,
            tools: self.tools.map(\.name),
            handoffs: self.handoffs.map(\.name),
            settings: self.settings
        )
    }

    private static func names(_ value: FileValue?) -> [Name] {
        var names: [Name] = []
        for entry in value?.list() ?? [] {
            guard let name = entry.text(limit: 100) else { continue }
            if names.contains(where: { $0.name == name }) {
                entry.report("\(name) stands twice in \(entry.name).")
            } else {
                names.append(Name(name: name, line: entry.line))
            }
        }
        return names
    }
}
