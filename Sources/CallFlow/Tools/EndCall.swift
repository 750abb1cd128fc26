import CallEvents
import JSON
import SwiftProtobuf

/// `end_call`: hangs up when what the agent has said so far was played.
enum EndCall: ToolBehavior {
    static let definition = ToolDefinition(
        .endCall,
        """
        End the phone call. Say goodbye out loud first, in the same reply: the line is closed as soon as your words \
        were played, and nothing can be said after it. Never use it while the business is still speaking or waits \
        for an answer.
        """,
        properties: [
            "reason": [
                "type": "string",
                "description": "Why the call ends, in a few words, such as: quote received.",
            ],
            "outcome": [
                "type": "string",
                "enum": .array(EndCall.outcomes.map { .string($0) }),
                "description": "How it went.",
            ],
        ],
        required: ["reason"]
    )

    private static let outcomes = [
        "success", "partial", "refused", "not_available", "wrong_number", "voicemail", "failed",
    ]

    static func run(_ call: ToolCall, in context: ToolContext) throws(ToolError) -> Tool.Outcome {
        let arguments = try ToolArguments(call.arguments, of: .endCall)
        _ = try arguments.requiredText("reason")
        _ = try arguments.text("outcome")
        return Tool.Outcome(output: JSONValue.object(["status": "ending"]).text)
    }

    /// - Returns: nil when the arguments cannot be read.
    static func reason(in json: String) -> String? {
        guard let arguments = try? ToolArguments(json, of: .endCall) else { return nil }
        return try? arguments.text("reason", limit: 200)
    }

    /// How the call went, by the agent's own word; nil when it did not say, or said something else.
    static func outcome(in json: String) -> String? {
        guard let arguments = try? ToolArguments(json, of: .endCall), let outcome = try? arguments.text("outcome")
        else { return nil }
        return self.outcomes.contains(outcome) ? outcome : nil
    }

    static func normalised(_ json: String) -> String {
        guard let arguments = try? ToolArguments(json, of: .endCall), let reason = try? arguments.requiredText("reason")
        else { return json }
        return JSONValue.array([.string(reason.lowercased())]).text
    }
}
