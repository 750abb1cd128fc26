import JSON

/// What a JSON value in a client event may be.
indirect enum Shape: Sendable {
    case null
    case bool
    case text(characters: ClosedRange<Int> = 0...Int.max)
    /// Letters, digits, `_` and `-`.
    case name(characters: ClosedRange<Int>)
    case choice([String])
    case integer(ClosedRange<Int>)
    case number(ClosedRange<Double>)
    case list(of: Shape, count: ClosedRange<Int> = 0...Int.max)
    /// Any members with these values.
    case map(of: Shape, count: ClosedRange<Int> = 0...Int.max, keyCharacters: ClosedRange<Int> = 0...Int.max)
    case object([String: Shape], required: [String] = [])
    /// An object whose other members depend on the text of one of them.
    case variant(by: String, [String: Shape])
    /// The first alternative of the value's kind counts.
    case either([Shape])
    /// Any JSON at all.
    case anything

    static func optional(_ shape: Shape) -> Shape { .either([.null, shape]) }

    /// - Parameter path: where the value is, as the `param` of an error names it.
    func check(_ value: JSONValue, at path: String) throws(Refusal) {
        guard self.isKind(of: value) else {
            throw .invalidValue(path, "Invalid type for '\(path)': expected \(self.expectation).")
        }
        switch (self, value) {
        case (.text(let characters), .string(let text)):
            try Self.check(characters.contains(text.count), path, "The length is out of range")
        case (.name(let characters), .string(let text)):
            let isName = text.utf8.allSatisfy { Self.isNameCharacter($0) }
            try Self.check(
                isName && characters.contains(text.count),
                path,
                "Expected a name of letters, digits, _ and -"
            )
        case (.choice(let choices), .string(let text)):
            let supported = choices.map { "'\($0)'" }.joined(separator: ", ")
            try Self.check(choices.contains(text), path, "Invalid value: '\(text)'. Supported values are: \(supported)")
        case (.integer(let range), _):
            try Self.check(value.intValue.map { range.contains($0) } ?? false, path, "Expected an integer in \(range)")
        case (.number(let range), _):
            try Self.check(value.doubleValue.map { range.contains($0) } ?? false, path, "Expected a number in \(range)")
        case (.list(let shape, let count), .array(let values)):
            try Self.check(count.contains(values.count), path, "The number of elements is out of range")
            for (index, value) in values.enumerated() { try shape.check(value, at: "\(path)[\(index)]") }
        case (.either(let shapes), _):
            guard let shape = shapes.first(where: { $0.isKind(of: value) }) else { return }
            try shape.check(value, at: path)
        case (_, .object(let members)):
            try self.checkMembers(members, at: path)
        default:
            break
        }
    }

    private func checkMembers(_ members: [String: JSONValue], at path: String) throws(Refusal) {
        let prefix = path.isEmpty ? "" : path + "."
        switch self {
        case .map(let shape, let count, let keyCharacters):
            try Self.check(count.contains(members.count), path, "The number of members is out of range")
            for (key, value) in members.sorted(by: { $0.key < $1.key }) {
                try Self.check(keyCharacters.contains(key.count), prefix + key, "The length of the key is out of range")
                try shape.check(value, at: prefix + key)
            }
        case .object(let shapes, let required):
            for key in required where members[key] == nil { throw .missingParameter(prefix + key) }
            for (key, value) in members.sorted(by: { $0.key < $1.key }) {
                guard let shape = shapes[key] else { throw .unknownParameter(prefix + key) }
                try shape.check(value, at: prefix + key)
            }
        case .variant(let discriminator, let shapes):
            guard let value = members[discriminator] else { throw .missingParameter(prefix + discriminator) }
            guard let text = value.stringValue, let shape = shapes[text] else {
                throw .invalidValue(
                    prefix + discriminator,
                    "Invalid value: \(value.text). Supported values are: \(shapes.keys.sorted())."
                )
            }
            try shape.check(.object(members), at: path)
        default:
            break
        }
    }

    private func isKind(of value: JSONValue) -> Bool {
        switch (self, value) {
        case (.null, .null), (.bool, .bool), (.text, .string), (.name, .string), (.choice, .string), (.list, .array),
            (.integer, .integer), (.integer, .number), (.number, .integer), (.number, .number), (.map, .object),
            (.object, .object), (.variant, .object), (.anything, _):
            true
        case (.either(let shapes), _): shapes.contains { $0.isKind(of: value) }
        default: false
        }
    }

    private var expectation: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .text, .name, .choice: "a string"
        case .integer: "an integer"
        case .number: "a number"
        case .list: "an array"
        case .map, .object, .variant: "an object"
        case .either(let shapes): shapes.map(\.expectation).joined(separator: " or ")
        case .anything: "any value"
        }
    }

    private static func check(_ condition: Bool, _ path: String, _ message: String) throws(Refusal) {
        if !condition { throw .invalidValue(path, message + ".") }
    }

    private static func isNameCharacter(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
