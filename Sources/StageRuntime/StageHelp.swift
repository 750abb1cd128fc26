/// The text of `--help`, made from the declarations that also read the variables.
package enum StageHelp {
    static func text(name: String, summary: String, variables: [Settings.Variable]) -> String {
        var text = """
            \(name): \(summary)

            Usage: \(name) [--help]

            Configured by environment variables; empty ones count as absent. Secrets can also be given as NAME_FILE,
            the path of a file that holds the value.

            """
        let required = variables.filter(\.isRequired)
        if !required.isEmpty { text += "\nRequired:\n" + Self.text(of: required) }
        text += "\nOptional:\n" + Self.text(of: variables.filter { !$0.isRequired })
        text += "\nExit codes: 0 stopped as asked, 1 failed, 64 unknown argument, 78 wrong configuration.\n"
        return text
    }

    /// What variables stand for and their defaults.
    package static func text(of variables: [Settings.Variable]) -> String {
        variables.map(Self.entry).joined()
    }

    private static func entry(_ variable: Settings.Variable) -> String {
        var notes: [String] = []
        if variable.isSecret { notes.append("secret") }
        if let value = variable.defaultText { notes.append("default: \(value)") }
        let suffix = notes.isEmpty ? "" : " (\(notes.joined(separator: "; ")))"
        return "  \(variable.name)\n      \(variable.help)\(suffix)\n"
    }
}
