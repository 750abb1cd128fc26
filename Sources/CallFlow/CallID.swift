/// Ids that follow from what they name, so that whoever writes the same thing again writes it under the same id.
package enum CallID {
    /// Of what a tool has made.
    package static func result(_ callSid: String, toolCallID: String) -> String { "\(callSid).\(toolCallID)" }

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
    package static func windDown(_ callSid: String) -> String { "wind-down/\(callSid)" }
    package static func voicemail(_ callSid: String) -> String { "voicemail/\(callSid)" }
    package static func digits(_ callSid: String, toolCallID: String) -> String { "digits/\(callSid)/\(toolCallID)" }
    /// - Parameter number: of the handoff in the call, from 1.
    package static func handoff(_ callSid: String, _ number: Int) -> String { "handoff/\(callSid)/\(number)" }

    package static func planned(_ callSid: String) -> String { "planned/\(callSid)" }
    package static func timerFired(_ callSid: String, _ timer: String) -> String { "timer-fired/\(callSid)/\(timer)" }
    /// The decision on a handoff that this event asks for.
    package static func handoffDecision(_ eventID: String) -> String { "decided/\(eventID)" }
    /// The call is over.
    package static func end(_ callSid: String) -> String { "end/\(callSid)" }
    package static func hangUp(_ callSid: String) -> String { "hang-up/\(callSid)" }
}
