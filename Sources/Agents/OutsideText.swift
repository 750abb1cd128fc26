import JSON
import Mustache

/// Text that others have written, such as a customer or whoever is on the phone, made fit for instructions: it is one
/// line, of bounded length, and cannot be taken for anything that the instructions themselves say.
enum OutsideText {
    /// One line in quotation marks, those inside of it escaped; `Absent` when there is nothing to say.
    static func quoted(_ text: String, limit: Int = 1000) -> Any {
        let line = Self.line(text, limit: limit)
        guard !line.isEmpty else { return Absent() }
        var quoted = "\""
        for character in line {
            if character == "\"" || character == "\\" { quoted.append("\\") }
            quoted.append(character)
        }
        return quoted + "\""
    }

    /// JSON on one line; text that is none is quoted.
    static func json(_ text: String, limit: Int) -> Any {
        guard let value = try? JSONValue(parsing: text) else { return Self.quoted(text, limit: limit) }
        return Self.line(value.text, limit: limit)
    }

    /// What is checked already, such as an amount or a date: one short line without quotation marks.
    static func checked(_ text: String) -> Any {
        let line = Self.line(text, limit: 80)
        return line.isEmpty ? Absent() as Any : line
    }

    /// Without line ends, control characters, and characters that change the order of others or cannot be seen; at most
    /// `limit` characters of Unicode.
    private static func line(_ text: String, limit: Int) -> String {
        var line = String.UnicodeScalarView()
        var count = 0
        var space = false
        for scalar in text.unicodeScalars {
            if scalar.properties.isWhitespace {
                space = !line.isEmpty
                continue
            }
            guard Self.canBeSeen(scalar) else { continue }
            guard count < limit else { return String(line) + "…" }
            if space { line.append(" ") }
            space = false
            line.append(scalar)
            count += 1
        }
        return String(line)
    }

    private static func canBeSeen(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator: return false
        case .format:
            // Zero-width joiners make letters in many scripts; all others only hide or reorder.
            return scalar.value == 0x200C || scalar.value == 0x200D
        default: return true
        }
    }

    /// Stands for nothing: shows nothing, and its section is left out. Mustache would else look further outside.
    struct Absent: MustacheCustomRenderable {
        var renderText: String { "" }
        var isNull: Bool { true }
    }
}
