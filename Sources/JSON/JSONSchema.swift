/// The part of JSON Schema (draft 2020-12) that definitions of tools need: `type` (one or several), `properties`,
/// `required`, `additionalProperties`, `items`, `enum`, `const`, `minimum`, `maximum`, `minLength`, `maxLength`,
/// `minItems`, `maxItems`, and `pattern` where it is plain (``JSONPattern``).
///
/// Annotations, `format` among them, are read over. Any other keyword is refused when the schema is loaded: what is not
/// checked must not look as if it were.
package struct JSONSchema: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        case null, boolean, integer, number, string, array, object
    }

    enum Additional: Sendable, Equatable {
        case allowed, forbidden
        /// One element.
        case checked([JSONSchema])
    }

    /// Nil: any.
    private(set) var kinds: [Kind]?
    private(set) var properties: [String: JSONSchema] = [:]
    private(set) var required: [String] = []
    private(set) var additional = Additional.allowed
    /// None or one.
    private(set) var items: [JSONSchema] = []
    /// Nil: any.
    private(set) var values: [JSONValue]?
    private(set) var number = Bounds()
    private(set) var length = Bounds()
    private(set) var pattern: JSONPattern?
    private(set) var count = Bounds()

    /// Both ends count.
    struct Bounds: Sendable, Equatable {
        var least: Double?
        var most: Double?
    }

    /// - Throws: with everything that is wrong with the schema.
    package init(_ schema: JSONValue) throws(JSONSchemaError) {
        var problems: [String] = []
        self.init(schema, "", &problems)
        guard problems.isEmpty else { throw JSONSchemaError(problems: problems) }
    }

    private init(_ schema: JSONValue, _ path: String, _ problems: inout [String]) {
        guard let keywords = schema.objectValue else {
            problems.append("\(path.isEmpty ? "the schema" : path) must be an object")
            return
        }
        for (keyword, value) in keywords.sorted(by: { $0.key < $1.key }) {
            let at = path.isEmpty ? keyword : "\(path).\(keyword)"
            if !self.take(keyword, value, at, &problems) { problems.append("\(at) is not supported") }
        }
        for name in self.required where self.additional == .forbidden && self.properties[name] == nil {
            problems.append("\(path.isEmpty ? "" : path + ".")required names \(name), which properties does not")
        }
    }

    private static let annotations: Set<String> = [
        "title", "description", "default", "examples", "deprecated", "readOnly", "writeOnly", "format", "$schema",
        "$id",
        "$comment",
    ]

    /// - Returns: false when there is no such keyword here.
    private mutating func take(
        _ keyword: String,
        _ value: JSONValue,
        _ at: String,
        _ problems: inout [String]
    ) -> Bool {
        switch keyword {
        case "type": self.kinds = Self.kinds(value, at, &problems)
        case "properties":
            for (name, schema) in value.objectValue ?? Self.wrong("an object", at, [:], &problems) {
                self.properties[name] = JSONSchema(schema, "\(at).\(name)", &problems)
            }
        case "required": self.required = Self.names(value, at, &problems)
        case "additionalProperties":
            if let isAllowed = value.boolValue {
                self.additional = isAllowed ? .allowed : .forbidden
            } else {
                self.additional = .checked([JSONSchema(value, at, &problems)])
            }
        case "items": self.items = [JSONSchema(value, at, &problems)]
        case "enum": self.values = value.arrayValue ?? Self.wrong("an array", at, [], &problems)
        case "const": self.values = [value]
        case "minimum": self.number.least = Self.number(value, at, &problems)
        case "maximum": self.number.most = Self.number(value, at, &problems)
        case "minLength": self.length.least = Self.size(value, at, &problems)
        case "maxLength": self.length.most = Self.size(value, at, &problems)
        case "minItems": self.count.least = Self.size(value, at, &problems)
        case "maxItems": self.count.most = Self.size(value, at, &problems)
        case "pattern":
            self.pattern = value.stringValue.flatMap { JSONPattern($0) }
            if self.pattern == nil {
                problems.append("\(at) must be a plain pattern: no groups, no alternatives")
            }
        default: return Self.annotations.contains(keyword)
        }
        return true
    }
}

/// Everything that is wrong with a schema: where, and what.
package struct JSONSchemaError: Error, Equatable, Sendable {
    package var problems: [String]
}

// Reading keywords: what is wrong is noted, and something harmless taken instead.
extension JSONSchema {
    private static func wrong<Value>(
        _ kind: String,
        _ at: String,
        _ instead: Value,
        _ problems: inout [String]
    ) -> Value {
        problems.append("\(at) must be \(kind)")
        return instead
    }

    private static func kinds(_ value: JSONValue, _ at: String, _ problems: inout [String]) -> [Kind]? {
        let names = value.arrayValue ?? [value]
        let kinds = names.compactMap { $0.stringValue.flatMap(Kind.init) }
        guard kinds.count == names.count, !kinds.isEmpty else {
            let known = Kind.allCases.map(\.rawValue).joined(separator: ", ")
            return self.wrong("one or several of \(known)", at, nil, &problems)
        }
        return kinds
    }

    private static func names(_ value: JSONValue, _ at: String, _ problems: inout [String]) -> [String] {
        let names = value.arrayValue?.map(\.stringValue) ?? [nil]
        guard !names.contains(nil) else { return self.wrong("an array of strings", at, [], &problems) }
        return names.compactMap(\.self)
    }

    private static func number(_ value: JSONValue, _ at: String, _ problems: inout [String]) -> Double? {
        value.doubleValue ?? self.wrong("a number", at, nil, &problems)
    }

    private static func size(_ value: JSONValue, _ at: String, _ problems: inout [String]) -> Double? {
        guard let size = value.intValue, size >= 0 else {
            return self.wrong("a whole number, not negative", at, nil, &problems)
        }
        return Double(size)
    }
}
