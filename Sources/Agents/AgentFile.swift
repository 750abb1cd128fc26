import CallEvents
import CallFlow
import SwiftProtobuf
import Yams

extension AgentBook {
    /// Reads an agents' file.
    /// - Parameters:
    ///   - yaml: its text.
    ///   - file: what problems call it.
    /// - Throws: all that is wrong with it; text that is no YAML at all is one problem.
    package init(yaml: String, file: String) throws(AgentFileError) {
        let problems = FileProblems(file: file)
        var reader = AgentFile(problems: problems)
        if let root = AgentFile.root(yaml, problems) { reader.read(root) }
        if let error = problems.error { throw error }
        self = reader.book
    }

    /// The four agents that come with the program.
    /// - Throws: never but in a build whose own file is wrong, which the tests find.
    package static func builtIn() throws(AgentFileError) -> AgentBook {
        try AgentBook(yaml: String(decoding: PackageResources.agents_yaml, as: UTF8.self), file: "the built-in agents")
    }
}

/// Makes a book from a file's values.
struct AgentFile {
    let problems: FileProblems
    private(set) var book = AgentBook()
    /// What an agent says of itself, and where, for what can only be checked when all are known.
    private var entries: [AgentEntry] = []
    private var partials: Set<String> = []

    init(problems: FileProblems) { self.problems = problems }

    /// The file's only document.
    static func root(_ yaml: String, _ problems: FileProblems) -> FileValue? {
        do {
            let node = try Parser(yaml: yaml, encoding: .utf8).singleRoot()
            if let node { return FileValue(name: "the file", node: node, problems: problems) }
            problems.report(1, "The file is empty.")
        } catch let error as YamlError {
            switch error {
            case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
                .composer(_, let problem, let mark, _):
                problems.report(mark.line, "This is no YAML: \(problem).")
            case .duplicatedKeysInMapping(let keys, let context):
                problems.report(context.mark.line, "There are two keys \(keys.joined(separator: ", ")).")
            default: problems.report(1, "This is no YAML.")
            }
        } catch {
            problems.report(1, "This is no YAML: \(error).")
        }
        return nil
    }

    mutating func read(_ root: FileValue) {
        guard let file = root.mapping() else { return }
        file.allow(["begin", "time_zone", "voice", "session", "limits", "partials", "tools", "agents"])
        self.readPartials(file["partials"])
        self.readTimeZone(file["time_zone"])
        self.readLimits(file["limits"])
        self.readTools(file["tools"])
        self.readAgents(file)
        if let begin = file.required("begin"), let id = begin.text() {
            self.book.beginsWith = id
            if !self.entries.contains(where: { $0.id == id }) {
                begin.report("begin names \(id), which is no agent of this file.")
            }
        }
        self.checkGraph()
        self.book.agents = self.entries.compactMap(\.definition)
        self.book.defineTools()
    }

    // MARK: What all agents share

    private mutating func readPartials(_ value: FileValue?) {
        guard let partials = value?.mapping() else { return }
        self.partials = Set(partials.names)
        for name in partials.names {
            guard let text = partials[name] else {
                self.problems.report(partials.line(of: name), "The partial \(name) is empty.")
                continue
            }
            // Those in a partial would have to be known before it.
            if let template = text.template(partials: nil) { self.book.partials.add(template, named: name) }
        }
    }

    private mutating func readTimeZone(_ value: FileValue?) {
        guard let value, let name = value.text() else { return }
        guard let rules = TimeZoneRules(installed: name) else {
            return value.report(
                "time_zone must be an IANA name such as America/New_York; \(TimeZoneRules.directory) has none such."
            )
        }
        self.book.timeZone = rules
    }

    private mutating func readLimits(_ value: FileValue?) {
        var limits = CallLimits()
        limits.windDownSeconds = 20
        limits.maxHandoffs = 10
        limits.voicemail = .hangUp
        defer { self.book.limits = limits }
        guard let value, let file = value.mapping() else { return }
        file.allow([
            "max_call_seconds", "wind_down_seconds", "max_call_dollars", "max_handoffs", "voicemail",
            "voicemail_message",
        ])
        if let seconds = file["max_call_seconds"]?.int(AgentBook.maxCallSecondsRange) {
            self.book.maxCallSeconds = UInt32(seconds)
        }
        if let seconds = file["wind_down_seconds"]?.int(0...600) { limits.windDownSeconds = UInt32(seconds) }
        if let dollars = file["max_call_dollars"]?.nanodollars() { limits.maxCostNanodollars = dollars }
        if let count = file["max_handoffs"]?.int(0...100) { limits.maxHandoffs = UInt32(count) }
        switch file["voicemail"]?.choice(["hang_up", "leave_message", "go_on"]) {
        case "leave_message": limits.voicemail = .leaveMessage
        case "go_on": limits.voicemail = .goOn
        default: limits.voicemail = .hangUp
        }
        self.book.voicemailMessage = file["voicemail_message"]?.template(partials: self.partials)
        if limits.voicemail == .leaveMessage, file["voicemail_message"] == nil {
            self.problems.report(file.line(of: "voicemail"), "leave_message needs a voicemail_message.")
        }
    }

    private mutating func readTools(_ value: FileValue?) {
        for entry in value?.list() ?? [] {
            guard let mapping = entry.mapping(), let tool = HTTPTool(mapping) else { continue }
            if self.book.httpTools.contains(where: { $0.name == tool.name }) {
                self.problems.report(mapping.line(of: "name"), "There are two tools \(tool.name).")
            } else {
                self.book.httpTools.append(tool)
            }
        }
    }

    // MARK: Agents

    private mutating func readAgents(_ file: FileMapping) {
        let voice = file["voice"]?.text(limit: 100) ?? ""
        var settings = SessionSettings()
        if let session = file["session"] { settings.read(session) }
        settings.voice = voice
        guard let agents = file.required("agents"), let list = agents.list() else { return }
        if list.isEmpty { agents.report("agents must have at least one agent.") }
        for value in list {
            guard let entry = AgentEntry(value, settings: settings, partials: self.partials) else { continue }
            if self.entries.contains(where: { $0.id == entry.id }) {
                self.problems.report(entry.line, "There are two agents \(entry.id).")
            } else {
                self.entries.append(entry)
            }
        }
    }

    /// What takes all agents to know.
    private func checkGraph() {
        let ids = Set(self.entries.map(\.id))
        for entry in self.entries {
            for target in entry.handoffs where !ids.contains(target.name) {
                self.problems.report(
                    target.line,
                    "\(entry.id) hands over to \(target.name), which is no agent of this file."
                )
            }
            for tool in entry.tools { self.check(tool, of: entry) }
        }
        self.checkVoices()
        guard ids.contains(self.book.beginsWith) else { return }
        let reachable = self.reachable
        for entry in self.entries where !reachable.contains(entry.id) {
            self.problems.report(
                entry.line,
                "Nobody hands over to \(entry.id): name it in the handoffs of an agent, or leave it out."
            )
        }
    }

    private func check(_ tool: AgentEntry.Name, of entry: AgentEntry) {
        if tool.name.hasPrefix(Tool.transferPrefix) {
            self.problems.report(tool.line, "\(tool.name) follows from handoffs: name the agent there.")
        } else if let known = Tool(rawValue: tool.name) {
            guard AgentBook.commonTools.contains(known) else { return }
            self.problems.report(tool.line, "Every agent has \(tool.name): leave it out.")
        } else if self.book.httpTool(named: tool.name) == nil {
            let builtIn = Tool.allCases.filter { !AgentBook.commonTools.contains($0) }.map(\.rawValue)
            let known = (builtIn + self.book.httpTools.map(\.name)).joined(separator: ", ")
            self.problems.report(tool.line, "There is no tool \(tool.name); there are: \(known).")
        }
    }

    /// Realtime: the voice cannot be changed after the first audio. Whoever is handed the conversation in this file has
    /// the voice of the agent that began, since all of its agents are one graph.
    private func checkVoices() {
        guard let first = self.entries.first else { return }
        for entry in self.entries where entry.settings.voice != first.settings.voice {
            let voices = [entry.settings.voice, first.settings.voice].map { $0.isEmpty ? "the default voice" : $0 }
            self.problems.report(
                entry.voiceLine,
                "\(entry.id) has another voice (\(voices[0])) than \(first.id) (\(voices[1])): "
                    + "agents that hand over to each other share one."
            )
        }
    }

    /// Agents that a conversation can come to.
    private var reachable: Set<String> {
        var reached: Set<String> = [self.book.beginsWith]
        var open = [self.book.beginsWith]
        while let id = open.popLast() {
            for target in self.entries.first(where: { $0.id == id })?.handoffs ?? []
            where reached.insert(target.name).inserted {
                open.append(target.name)
            }
        }
        return reached
    }
}
