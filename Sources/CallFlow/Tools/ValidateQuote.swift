import CallEvents
import JSON
import SwiftProtobuf

/// Not there yet.
enum ValidateQuote: ToolBehavior {
    static let definition = ToolDefinition(.validateQuote, "", properties: [:])

    static func run(_ call: ToolCall, in context: ToolContext) throws(ToolError) -> Tool.Outcome {
        throw ToolError("There is no tool \(call.name) yet.", code: .unknownTool)
    }
}
