package import JSON

extension JSONSchema {
    /// Compares the arguments of a tool call with what is published of the tool.
    /// - Parameters:
    ///   - json: as the model wrote it. Nothing at all counts as no arguments, and null as left out.
    ///   - tool: its name.
    /// - Throws: everything that is wrong with them, in words for the model.
    package func check(arguments json: String, of tool: String) throws(ToolError) {
        guard ToolArguments.isPlain(json) else {
            throw ToolError("The arguments of \(tool) are too long or too deep. Call it again with less.")
        }
        let isBlank = json.allSatisfy(\.isWhitespace)
        guard let arguments = isBlank ? .object([:]) : try? JSONValue(parsing: json), arguments.objectValue != nil
        else { throw ToolError("The arguments of \(tool) are not a JSON object. Call it again.") }
        let problems = self.problems(in: arguments.withoutNulls, whole: "The arguments")
        guard problems.isEmpty else { throw ToolError(ToolProblems.message(problems)) }
    }
}

extension JSONValue {
    /// Models write null for what they leave out.
    fileprivate var withoutNulls: JSONValue {
        switch self {
        case .object(let members): .object(members.filter { $0.value != .null }.mapValues(\.withoutNulls))
        case .array(let elements): .array(elements.map(\.withoutNulls))
        default: self
        }
    }
}
