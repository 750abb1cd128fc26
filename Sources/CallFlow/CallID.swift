/// Ids that follow from what they name, so that whoever writes the same thing again writes it under the same id.
package enum CallID {
    package static func quote(_ callSid: String, toolCallID: String) -> String { "\(callSid).\(toolCallID)" }

    package static func toolStarted(_ callSid: String, toolCallID: String) -> String {
        "tool-started/\(callSid)/\(toolCallID)"
    }
    package static func toolCompleted(_ callSid: String, toolCallID: String) -> String {
        "tool-completed/\(callSid)/\(toolCallID)"
    }

    package static func start(_ callSid: String) -> String { "start/\(callSid)" }
    package static func toolResult(_ toolCallID: String) -> String { "tool-result/\(toolCallID)" }
    /// Says goodbye, then hangs up.
    package static func goodbye(_ callSid: String) -> String { "goodbye/\(callSid)" }
    /// The call is over.
    package static func end(_ callSid: String) -> String { "end/\(callSid)" }
    package static func hangUp(_ callSid: String) -> String { "hang-up/\(callSid)" }
}
