import CallEvents
import JSON
import SwiftProtobuf

/// `report_voicemail`: the agent hears that a machine has answered, and is told what to do about it.
enum ReportVoicemail: ToolBehavior {
    static let definition = ToolDefinition(
        .reportVoicemail,
        """
        Say that a voicemail greeting, an answering machine or a recording without a menu has answered instead of a \
        person. The answer tells you what to do. Never for a phone menu, or for music while you wait.
        """,
        properties: [
            "evidence": ["type": "string", "description": "What you heard, such as: leave a message after the tone."]
        ]
    )

    static func run(_ call: ToolCall, in context: ToolContext) throws(ToolError) -> Tool.Outcome {
        _ = try ToolArguments(call.arguments, of: .reportVoicemail).text("evidence")
        let output: JSONValue =
            switch context.limits.voicemail {
            case .goOn: ["action": "go_on", "instructions": "Go on with the call as if a person had answered."]
            case .leaveMessage:
                ["action": "leave_message", "instructions": .string(context.limits.voicemailMessage)]
            case .hangUp, .unspecified, .UNRECOGNIZED:
                ["action": "hang_up", "instructions": "Say nothing more: the call is being ended."]
            }
        return Tool.Outcome(output: output.text)
    }
}
