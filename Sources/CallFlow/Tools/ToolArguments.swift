import FoundationEssentials

/// The arguments of a tool call as the model gave them, or one object in them: not checked. Numbers stay as they are
/// written: 45.10 is no binary fraction.
struct ToolArguments {
    private var members: [String: Value]
    /// Where the object is in the arguments, with a point behind it: `items[0].`.
    private var path = ""

    private enum Value: Decodable {
        case null
        case bool(Bool)
        case number(Decimal)
        case text(String)
        case array([Value])
        case object([String: Value])
        /// A number beyond all that could be meant.
        case other

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if container.decodeNil() {
                self = .null
            } else if let text = try? container.decode(String.self) {
                self = .text(text)
            } else if let bool = try? container.decode(Bool.self) {
                self = .bool(bool)
            } else if let number = try? container.decode(Decimal.self) {
                self = .number(number)
            } else if let values = try? container.decode([Value].self) {
                self = .array(values)
            } else if let members = try? container.decode([String: Value].self) {
                self = .object(members)
            } else {
                self = .other
            }
        }
    }

    /// An element of an array: an object, or a text in its stead.
    enum Element {
        case object(ToolArguments)
        case text(String)
    }

    private init(_ members: [String: Value], path: String) {
        self.members = members
        self.path = path
    }

    /// - Parameter json: nothing at all counts as no arguments.
    init(_ json: String, of tool: Tool) throws(ToolError) {
        guard Self.isPlain(json) else {
            throw ToolError("The arguments of \(tool.rawValue) are too long or too deep. Call it again with less.")
        }
        do {
            let isBlank = json.allSatisfy(\.isWhitespace)
            self.members = isBlank ? [:] : try JSONDecoder().decode([String: Value].self, from: Data(json.utf8))
        } catch {
            throw ToolError("The arguments of \(tool.rawValue) are not a JSON object. Call it again.")
        }
    }

    /// More is nothing that a tool could mean, and deep JSON is slow to decode: its time grows with the square of the depth.
    private static let maxBytes = 64 << 10
    private static let maxDepth = 32

    /// Whether JSON text is short and flat enough to be decoded.
    static func isPlain(_ json: String) -> Bool {
        guard json.utf8.count <= self.maxBytes else { return false }
        var depth = 0
        var isInString = false
        var isEscaped = false
        for byte in json.utf8 {
            if isEscaped {
                isEscaped = false
            } else if isInString {
                isEscaped = byte == UInt8(ascii: "\\")
                isInString = byte != UInt8(ascii: "\"")
            } else {
                switch byte {
                case UInt8(ascii: "\""): isInString = true
                case UInt8(ascii: "["), UInt8(ascii: "{"): depth += 1
                case UInt8(ascii: "]"), UInt8(ascii: "}"): depth -= 1
                default: break
                }
                if depth > self.maxDepth { return false }
            }
        }
        return true
    }

    /// The objects of a JSON array, for lists that came otherwise; what is no object is left out.
    static func objects(inArray json: String) -> [ToolArguments] {
        guard self.isPlain(json), let values = try? JSONDecoder().decode([Value].self, from: Data(json.utf8)) else {
            return []
        }
        return values.compactMap { value in
            if case .object(let members) = value { ToolArguments(members, path: "") } else { nil }
        }
    }

    /// The text of an optional argument, its spaces trimmed; nil when it is absent, null or blank.
    func text(_ name: String, limit: Int = 2000) throws(ToolError) -> String? {
        switch self.members[name] {
        case nil, .null: nil
        case .number(let number): number.description
        case .text(let text): Self.words(text, limit)
        case .bool, .array, .object, .other: throw ToolError("\(self.path)\(name) must be text.")
        }
    }

    func requiredText(_ name: String) throws(ToolError) -> String {
        guard let text = try self.text(name) else { throw ToolError("\(self.path)\(name) is required, as text.") }
        return text
    }

    /// The truth value of an argument; nil when it is something else.
    func bool(_ name: String) -> Bool? {
        if case .bool(let bool) = self.members[name] { bool } else { nil }
    }

    /// The texts of an optional argument: a list, or one in its stead.
    func texts(_ name: String, limit: Int = 200) throws(ToolError) -> [String] {
        guard case .array(let values) = self.members[name] else {
            return try self.text(name, limit: limit).map { [$0] } ?? []
        }
        var texts: [String] = []
        for (index, value) in values.enumerated() {
            switch value {
            case .null: break
            case .number(let number): texts.append(number.description)
            case .text(let text): texts += Self.words(text, limit).map { [$0] } ?? []
            case .bool, .array, .object, .other: throw ToolError("\(self.path)\(name)[\(index)] must be text.")
            }
        }
        return texts
    }

    /// The elements of an optional list.
    func elements(_ name: String) throws(ToolError) -> [Element] {
        let values: [Value]
        switch self.members[name] {
        case nil, .null: values = []
        case .array(let array): values = array
        case .bool, .number, .text, .object, .other: throw ToolError("\(self.path)\(name) must be a list.")
        }
        var elements: [Element] = []
        for (index, value) in values.enumerated() {
            let at = "\(self.path)\(name)[\(index)]"
            switch value {
            case .null: break
            case .object(let members): elements.append(.object(ToolArguments(members, path: "\(at).")))
            case .text(let text): elements += Self.words(text, 2000).map { [.text($0)] } ?? []
            case .bool, .number, .array, .other: throw ToolError("\(at) must be an object.")
            }
        }
        return elements
    }

    /// Control characters count as space: databases take no NUL.
    /// - Returns: nil when there is nothing but space.
    private static func words(_ text: String, _ limit: Int) -> String? {
        let isSpace = { (scalar: Unicode.Scalar) in
            scalar.properties.isWhitespace || scalar.properties.generalCategory == .control
        }
        let words = text.unicodeScalars.split(whereSeparator: isSpace).map { String($0) }.joined(separator: " ")
        return words.isEmpty ? nil : String(words.prefix(limit))
    }
}
