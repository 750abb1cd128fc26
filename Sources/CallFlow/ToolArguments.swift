import FoundationEssentials

/// The arguments of a tool call as the model gave them: a JSON object, not checked.
struct ToolArguments {
    private var members: [String: Member]

    /// A value, with numbers as they are written: 45.10 is no binary fraction.
    private enum Member: Decodable {
        case null
        case number(Decimal)
        case text(String)
        case other

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else if let text = try? container.decode(String.self) {
                self = .text(text)
            } else if (try? container.decode(Bool.self)) != nil {
                self = .other
            } else if let number = try? container.decode(Decimal.self) {
                self = .number(number)
            } else {
                self = .other
            }
        }
    }

    init(_ json: String, of tool: Tool) throws(ToolError) {
        do {
            self.members = try JSONDecoder().decode([String: Member].self, from: Data(json.utf8))
        } catch {
            throw ToolError("The arguments of \(tool.rawValue) are not a JSON object. Call it again.")
        }
    }

    /// The text of an optional argument, its spaces trimmed; nil when it is absent, null or blank.
    func text(_ name: String, limit: Int = 2000) throws(ToolError) -> String? {
        switch self.members[name] {
        case nil, .null: return nil
        case .number(let number): return number.description
        case .text(let text):
            let words = text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
            return words.isEmpty ? nil : String(words.prefix(limit))
        case .other: throw ToolError("\(name) must be text.")
        }
    }

    func requiredText(_ name: String) throws(ToolError) -> String {
        guard let text = try self.text(name) else { throw ToolError("\(name) is required, as text.") }
        return text
    }
}
