package import CallEvents

// What the store holds of a call, a type for each table. Times are Unix microseconds, 0 for what has not happened;
// `eventOffset` is the offset in topic events that a row was last made from.

package struct CallRow: Sendable, Equatable {
    package var callSid = ""
    package var requestID = ""
    /// E.164; inbound: the caller's.
    package var phoneNumber = ""
    package var businessName = ""
    package var userRequest = ""
    package var category = ""
    package var userID = ""
    /// `outbound-api` or `inbound`.
    package var direction = ""
    /// Twilio's last `CallStatus`; empty before the first callback.
    package var status = ""
    /// Who has the conversation.
    package var agent = ""
    package var endReason = ""
    /// One of `CallSummary.outcome` when the call has ended; before that what the agent has said of it, which is mostly
    /// nothing.
    package var outcome = ""
    /// Twilio's `AnsweredBy`; empty when nobody looked.
    package var answeredBy = ""
    package var requestedAtUs: Int64 = 0
    package var answeredAtUs: Int64 = 0
    package var endedAtUs: Int64 = 0
    package var usage = Usage()
    /// Billionths of a US dollar.
    package var costNanodollars: Int64 = 0
    /// All empty while the agent has noted none.
    package var tone = Tone()
    package var quotes = 0
    package var appointments = 0
    package var orders = 0
    package var offers = 0
    package var comparisons = 0
    /// Of topic events; -1 when it is not known.
    package var partition: Int32 = -1
    package var eventOffset: Int64 = -1

    package init() {}

    package var isInProgress: Bool { self.endedAtUs == 0 }
}

/// What one side said in one turn. Without text it keeps the place of a turn whose words are not known yet.
package struct UtteranceRow: Sendable, Equatable {
    package var callSid = ""
    package var itemID = ""
    /// Place in the conversation, from 0, shared with tool calls. What comes late moves the others behind it.
    package var position = 0
    package var speaker = Speaker.unspecified
    package var agent = ""
    /// All that was generated.
    package var text = ""
    /// What was heard of it: the same, when it was not interrupted.
    package var heardText = ""
    package var startedAtUs: Int64 = 0
    package var interrupted = false
    /// How much of an interrupted one was heard.
    package var playedMs: UInt32 = 0
    package var eventOffset: Int64 = -1

    package init() {}
}

package struct ToolRow: Sendable, Equatable {
    package var callSid = ""
    package var toolCallID = ""
    /// Place in the conversation, from 0, shared with utterances.
    package var position = 0
    package var name = ""
    package var agent = ""
    /// JSON text as the model gave it: not checked.
    package var arguments = ""
    package var startedAtUs: Int64 = 0
    package var completed = false
    package var succeeded = false
    /// What the model was told: JSON text.
    package var output = ""
    package var eventOffset: Int64 = -1

    package init() {}
}

package struct HandoffRow: Sendable, Equatable {
    package var callSid = ""
    /// Among the handoffs of the call, from 0.
    package var position = 0
    package var fromAgent = ""
    package var toAgent = ""
    package var reason = ""
    package var context = ""
    package var atUs: Int64 = 0
    package var eventOffset: Int64 = -1

    package init() {}
}

/// How long the person waited for an answer, in milliseconds from the end of their speech.
package struct TurnRow: Sendable, Equatable {
    package var callSid = ""
    package var responseID = ""
    /// Place in the conversation behind which it was measured; turns at the same place are in the order of their offsets.
    package var position = 0
    /// Until the model's first audio came.
    package var firstAudioMs: UInt32 = 0
    /// Until the phone played the first of it.
    package var firstPlayedMs: UInt32 = 0
    package var atUs: Int64 = 0
    package var eventOffset: Int64 = -1

    package init() {}
}

/// Something that happened to the call beside the conversation.
package struct MomentRow: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        /// A callback of Twilio's; detail: its `CallStatus`.
        case status
        /// `started`, `stopped: ` and why, `stream-error: ` and Twilio's words.
        case stream
        /// `claimed by ` and the instance, `ready` or `restored`, `ended: ` and why.
        case session
        /// Twilio's `AnsweredBy`.
        case machine
        /// A key that the person pressed.
        case digit
        /// The code, and what is known besides.
        case error
        /// Somebody outside wants the call to end; detail: why.
        case endRequested = "end_requested"
        /// The agent that was asked for, and why it did not get the conversation.
        case handoffRefused = "handoff_refused"
        /// The timer's name.
        case timer
    }

    package var callSid = ""
    package var eventID = ""
    package var kind = Kind.status
    package var detail = ""
    package var atUs: Int64 = 0
    package var eventOffset: Int64 = -1

    package init() {}
}
