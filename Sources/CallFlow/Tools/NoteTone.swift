import CallEvents
import JSON
import SwiftProtobuf

/// `note_tone`: notes how the person sounds, for whoever watches the call.
enum NoteTone: ToolBehavior {
    static let definition = ToolDefinition(
        .noteTone,
        """
        Note how the person sounds, when it is not neutral or has changed: impatient, annoyed, confused, pleased. At \
        most a few times in a call. Do not speak about it, and do not wait for it.
        """,
        properties: [
            "emotion": ["type": "string", "description": "In a word or two, such as: friendly, annoyed."],
            "urgency": ["type": "string", "enum": ["low", "medium", "high"]],
            "sentiment": ["type": "string", "enum": ["negative", "neutral", "positive"]],
            "evidence": ["type": "string", "description": "The words or the sound that tell it."],
        ]
    )

    static func run(_ call: ToolCall, in context: ToolContext) throws(ToolError) -> Tool.Outcome {
        let arguments = try ToolArguments(call.arguments, of: .noteTone)
        for name in ["emotion", "urgency", "sentiment", "evidence"] { _ = try arguments.text(name) }
        guard self.tone(in: call.arguments, atUs: 0) != nil else {
            throw ToolError("One of emotion, urgency and sentiment is required.")
        }
        return Tool.Outcome(output: JSONValue.object(["status": "noted"]).text)
    }

    /// - Returns: nil when the arguments tell nothing.
    static func tone(in json: String, atUs: Int64) -> Tone? {
        guard let arguments = try? ToolArguments(json, of: .noteTone) else { return nil }
        let text = { (name: String) in (try? arguments.text(name, limit: 300)) ?? "" }
        let tone = Tone.with {
            $0.emotion = text("emotion")
            $0.urgency = text("urgency")
            $0.sentiment = text("sentiment")
            $0.evidence = text("evidence")
            $0.atUs = atUs
        }
        return tone.emotion.isEmpty && tone.urgency.isEmpty && tone.sentiment.isEmpty ? nil : tone
    }
}
