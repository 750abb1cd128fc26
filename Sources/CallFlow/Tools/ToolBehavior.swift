import CallEvents
import JSON
import SwiftProtobuf

/// What one tool does. All are pure: running one again is always safe.
protocol ToolBehavior {
    static var definition: ToolDefinition { get }

    /// - Parameter call: its arguments are as the definition says.
    /// - Throws: what is wrong with them by meaning, all of it where that helps.
    static func run(_ call: ToolCall, in context: ToolContext) throws(ToolError) -> Tool.Outcome

    /// The arguments in one form for all spellings of the same thing, for comparison only. What cannot be read is
    /// compared as it is written.
    static func normalised(_ json: String) -> String
}

extension ToolBehavior {
    static func normalised(_ json: String) -> String { json }
}

extension ToolDefinition {
    /// - Parameter required: names among those of `properties`.
    init(_ tool: Tool, _ description: String, properties: JSONValue, required: [String] = []) {
        self.init()
        self.name = tool.rawValue
        self.description_p = description
        var schema: [String: JSONValue] = [
            "type": "object", "properties": properties, "additionalProperties": false,
        ]
        if !required.isEmpty { schema["required"] = .array(required.map { .string($0) }) }
        self.parameters = JSONValue.object(schema).text
    }
}

extension Tool.Outcome {
    /// - Parameters:
    ///   - output: for the model.
    ///   - made: what the tool made.
    init(_ output: JSONValue, made: some Message) throws(ToolError) {
        guard let result = try? made.jsonString() else {
            throw ToolError("It could not be written down. Call the tool again.")
        }
        self.init(output: output.text, result: result)
    }
}

/// What is wrong with arguments, collected so that the model can put it all right at once.
struct ToolProblems {
    private var sentences: [String] = []

    mutating func add(_ sentence: String) { self.sentences.append(sentence) }

    /// - Returns: nil, and notes the problem, when `value` cannot be had.
    mutating func take<Value>(_ value: () throws(ToolError) -> Value?) -> Value? {
        do {
            return try value()
        } catch {
            self.sentences.append(error.message)
            return nil
        }
    }

    func throwIfAny() throws(ToolError) {
        guard self.sentences.isEmpty else { throw ToolError(Self.message(self.sentences)) }
    }

    private static let limit = 12

    /// One message of sentences; of very many, the first.
    static func message(_ sentences: [String]) -> String {
        var told = Array(sentences.prefix(self.limit))
        if sentences.count > self.limit { told.append("And \(sentences.count - self.limit) more.") }
        return told.joined(separator: " ")
    }
}
