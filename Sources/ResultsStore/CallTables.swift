import CallEvents
import SwiftProtobuf

/// The tables of calls and conversations. Times are Unix microseconds, 0 for what has not happened; `event_offset` is the
/// offset that a row was last made from.
enum CallTables {
    static let calls = Table<CallRow>(
        "calls",
        key: ["call_sid"],
        indexes: [
            "(requested_at_us, call_sid)", "(request_id)", "(partition, event_offset)",
            "(requested_at_us) WHERE ended_at_us = 0",
        ],
        empty: CallRow.init,
        Self.request + Self.course + Self.account
    )

    private static let request: [Column<CallRow>] = [
        .text("call_sid", \.callSid), .text("request_id", \.requestID), .text("phone_number", \.phoneNumber),
        .text("business_name", \.businessName), .text("user_request", \.userRequest), .text("category", \.category),
        .text("user_id", \.userID), .text("direction", \.direction),
        .text("search", derived: { Self.searched("\($0.businessName)\n\($0.userRequest)") }),
    ]

    private static let course: [Column<CallRow>] = [
        .text("status", \.status), .text("agent", \.agent), .text("end_reason", \.endReason),
        .text("outcome", \.outcome), .text("answered_by", \.answeredBy), .integer("requested_at_us", \.requestedAtUs),
        .integer("answered_at_us", \.answeredAtUs), .integer("ended_at_us", \.endedAtUs),
        .text("tone_emotion", \.tone.emotion), .text("tone_urgency", \.tone.urgency),
        .text("tone_sentiment", \.tone.sentiment), .text("tone_evidence", \.tone.evidence),
        .integer("tone_at_us", \.tone.atUs),
    ]

    private static let account: [Column<CallRow>] = [
        .integer("input_text_tokens", \.usage.inputTextTokens),
        .integer("input_audio_tokens", \.usage.inputAudioTokens),
        .integer("cached_text_tokens", \.usage.cachedTextTokens),
        .integer("cached_audio_tokens", \.usage.cachedAudioTokens),
        .integer("output_text_tokens", \.usage.outputTextTokens),
        .integer("output_audio_tokens", \.usage.outputAudioTokens),
        .integer("cost_nanodollars", \.costNanodollars), .integer("quotes", \.quotes),
        .integer("appointments", \.appointments), .integer("orders", \.orders), .integer("offers", \.offers),
        .integer("comparisons", \.comparisons), .integer("partition", \.partition),
        .integer("event_offset", \.eventOffset),
    ]

    /// What is compared when a text is searched for.
    static func searched(_ text: String) -> String { text.lowercased() }

    static let utterances = Table<UtteranceRow>(
        "utterances",
        key: ["call_sid", "item_id"],
        empty: UtteranceRow.init,
        [
            .text("call_sid", \.callSid), .text("item_id", \.itemID), .integer("position", \.position),
            .text(
                "speaker",
                \.speaker,
                encode: { $0 == .agent ? "agent" : "person" },
                decode: { $0 == "agent" ? .agent : .person }
            ),
            .text("agent", \.agent), .text("text", \.text), .text("heard_text", \.heardText),
            .integer("started_at_us", \.startedAtUs), .boolean("interrupted", \.interrupted),
            .integer("played_ms", \.playedMs), .integer("event_offset", \.eventOffset),
        ]
    )

    static let tools = Table<ToolRow>(
        "tool_calls",
        key: ["call_sid", "tool_call_id"],
        empty: ToolRow.init,
        [
            .text("call_sid", \.callSid), .text("tool_call_id", \.toolCallID), .integer("position", \.position),
            .text("name", \.name), .text("agent", \.agent), .text("arguments", \.arguments),
            .integer("started_at_us", \.startedAtUs), .boolean("completed", \.completed),
            .boolean("succeeded", \.succeeded), .text("output", \.output), .integer("event_offset", \.eventOffset),
        ]
    )

    static let handoffs = Table<HandoffRow>(
        "handoffs",
        key: ["call_sid", "position"],
        empty: HandoffRow.init,
        [
            .text("call_sid", \.callSid), .integer("position", \.position), .text("from_agent", \.fromAgent),
            .text("to_agent", \.toAgent), .text("reason", \.reason), .text("context", \.context),
            .integer("at_us", \.atUs), .integer("event_offset", \.eventOffset),
        ]
    )

    static let turns = Table<TurnRow>(
        "turns",
        key: ["call_sid", "response_id"],
        empty: TurnRow.init,
        [
            .text("call_sid", \.callSid), .text("response_id", \.responseID), .integer("position", \.position),
            .integer("first_audio_ms", \.firstAudioMs), .integer("first_played_ms", \.firstPlayedMs),
            .integer("at_us", \.atUs), .integer("event_offset", \.eventOffset),
        ]
    )

    static let moments = Table<MomentRow>(
        "moments",
        key: ["call_sid", "event_id"],
        empty: MomentRow.init,
        [
            .text("call_sid", \.callSid), .text("event_id", \.eventID),
            .text(
                "kind",
                \.kind,
                encode: { $0.rawValue },
                // A later version may know more.
                decode: { .init(rawValue: $0) ?? .status }
            ),
            .text("detail", \.detail), .integer("at_us", \.atUs), .integer("event_offset", \.eventOffset),
        ]
    )

    /// The fold of each call's events (CallState, Protocol Buffers): the next event is applied to it.
    static let states = TableDescription(
        name: "call_states",
        columns: [("call_sid", .text), ("event_offset", .integer), ("state", .bytes)],
        key: ["call_sid"]
    )

    /// Where consumption goes on.
    static let positions = TableDescription(
        name: "kafka_offsets",
        columns: [("topic", .text), ("partition", .integer), ("next_offset", .integer)],
        key: ["topic", "partition"],
        version: "next_offset"
    )
}
