import CallEvents
import JSON
import SwiftProtobuf

/// `send_digits`: presses keys for a phone menu.
enum SendDigits: ToolBehavior {
    static let definition = ToolDefinition(
        .sendDigits,
        """
        Press keys on the phone, such as for a menu that says "press 1 for service". Listen to the whole menu first, \
        and say nothing while the keys are pressed.
        """,
        properties: [
            "digits": [
                "type": "string",
                "pattern": "^[0-9*#wW -]{1,64}$",
                "description": "0 to 9, *, #; w waits half a second. Such as 1, or 1234#.",
            ],
            "reason": ["type": "string", "description": "What the keys are for."],
        ],
        required: ["digits"]
    )

    static func run(_ call: ToolCall, in context: ToolContext) throws(ToolError) -> Tool.Outcome {
        guard let digits = self.digits(in: call.arguments) else {
            throw ToolError(
                "digits must be 1 to 32 of 0 to 9, * and #, with w for a pause of half a second, such as 1 or 1234#."
            )
        }
        return Tool.Outcome(output: JSONValue.object(["status": "pressing", "digits": .string(digits)]).text)
    }

    /// - Returns: nil when they cannot be pressed.
    static func digits(in json: String) -> String? {
        guard let arguments = try? ToolArguments(json, of: .sendDigits), let text = try? arguments.text("digits")
        else { return nil }
        let digits = text.filter { $0 != " " && $0 != "-" }
        let keys = Set("0123456789*#wW")
        guard (1...32).contains(digits.count), digits.allSatisfy(keys.contains),
            digits.contains(where: { !"wW".contains($0) })
        else { return nil }
        return digits
    }
}
