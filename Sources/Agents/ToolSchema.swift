import JSON

/// The JSON Schema of a declared tool's arguments, as far as the coordinator checks arguments: a keyword that it does not
/// know would be a promise that nobody keeps.
enum ToolSchema {
    private static let keywords: Set<String> = [
        "type", "description", "title", "properties", "required", "additionalProperties", "items", "enum", "minimum",
        "maximum", "minLength", "maxLength", "pattern", "minItems", "maxItems",
    ]
    private static let types = ["object", "array", "string", "number", "integer", "boolean"]

    /// JSON text of the schema; nil, with what is wrong reported, when it is none that is checked.
    static func text(_ value: FileValue) -> String? {
        guard let json = value.json(), let schema = value.mapping() else { return nil }
        if json["type"] != "object" { value.report("parameters must be of type object.") }
        Self.check(schema)
        return json.text
    }

    private static func check(_ schema: FileMapping) {
        for keyword in schema.names where !Self.keywords.contains(keyword) {
            schema.value.problems.report(
                schema.line(of: keyword),
                "\(keyword) is not checked here; keywords are \(Self.keywords.sorted().joined(separator: ", "))."
            )
        }
        _ = schema.required("type")?.choice(Self.types)
        for name in ["minLength", "maxLength", "minItems", "maxItems"] { _ = schema[name]?.int(0...1_000_000) }
        for name in ["minimum", "maximum"] { _ = schema[name]?.number(-1e15...1e15) }
        for name in ["description", "title"] { _ = schema[name]?.text() }
        _ = schema["additionalProperties"]?.bool()
        _ = schema["enum"]?.list()
        if let pattern = schema["pattern"], let text = pattern.text(), (try? Regex(text)) == nil {
            pattern.report("pattern must be a regular expression.")
        }
        if let items = schema["items"]?.mapping() { Self.check(items) }
        let properties = schema["properties"]?.mapping()
        for name in properties?.names ?? [] {
            if let property = properties?[name]?.mapping() { Self.check(property) }
        }
        for required in schema["required"]?.list() ?? [] {
            guard let name = required.text(), properties?.names.contains(name) != true else { continue }
            required.report("required names \(name), which is no property.")
        }
    }
}
