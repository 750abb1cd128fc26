import CallEvents
import FoundationEssentials
import GRDB
import SwiftProtobuf

/// The rows of one call: `calls`, `utterances`, `tool_calls`, `handoffs`.
enum CallRows {
    static func state(of callSid: String, _ db: Database) throws -> CallState? {
        let sql = "SELECT state FROM calls WHERE call_sid = ?"
        guard let bytes = try Data.fetchOne(db, sql: sql, arguments: [callSid]) else { return nil }
        do {
            return try CallState(serializedBytes: bytes)
        } catch {
            throw ResultsStoreError(.corrupt, "state of call \(callSid): \(error)")
        }
    }

    /// Writes what differs from the stored state; nothing when that is of the same or a higher offset.
    static func write(_ call: CallState, _ db: Database) throws {
        let stored = try self.state(of: call.callSid, db)
        if let stored, stored.appliedOffset >= call.appliedOffset { return }
        try self.writeCall(call, db)
        let written = Dictionary(uniqueKeysWithValues: stored.map { Self.places(of: $0) } ?? [])
        for (position, item) in Self.places(of: call) where written[position] != item {
            switch item.item {
            case .utterance(let utterance): try self.write(utterance, position, of: call, db)
            case .tool(let exchange): try self.write(exchange, position, of: call, db)
            case nil: break
            }
        }
        for (position, handoff) in call.handoffs.enumerated().dropFirst(stored?.handoffs.count ?? 0) {
            try self.write(handoff, position, of: call, db)
        }
    }

    /// Each item with its place in the whole conversation: what is not in the state any more has one too.
    private static func places(of call: CallState) -> [(Int, ConversationItem)] {
        var dropped = 0
        return call.conversation.enumerated().map { index, item in
            dropped += Int(item.droppedBefore)
            return (index + dropped, item)
        }
    }

    private static func writeCall(_ call: CallState, _ db: Database) throws {
        try self.upsert(
            "calls",
            key: ["call_sid"],
            [
                ("call_sid", call.callSid), ("request_id", call.request.requestID),
                ("phone_number", call.request.phoneNumber), ("business_name", call.request.businessName),
                ("user_request", call.request.userRequest), ("category", call.request.category),
                ("user_id", call.request.userID), ("direction", call.request.direction), ("status", call.status),
                ("agent", call.agent), ("end_reason", call.endReason), ("requested_at_us", call.requestedAtUs),
                ("answered_at_us", call.answeredAtUs), ("ended_at_us", call.endedAtUs),
                ("input_text_tokens", Int64(clamping: call.usage.inputTextTokens)),
                ("input_audio_tokens", Int64(clamping: call.usage.inputAudioTokens)),
                ("cached_text_tokens", Int64(clamping: call.usage.cachedTextTokens)),
                ("cached_audio_tokens", Int64(clamping: call.usage.cachedAudioTokens)),
                ("output_text_tokens", Int64(clamping: call.usage.outputTextTokens)),
                ("output_audio_tokens", Int64(clamping: call.usage.outputAudioTokens)),
                ("event_offset", call.appliedOffset), ("state", try call.serializedBytes() as Data),
            ],
            db
        )
    }

    private static func write(_ utterance: Utterance, _ position: Int, of call: CallState, _ db: Database) throws {
        try self.upsert(
            "utterances",
            key: ["call_sid", "item_id"],
            [
                ("call_sid", call.callSid), ("item_id", utterance.itemID), ("position", position),
                ("speaker", utterance.speaker == .agent ? "agent" : "person"), ("agent", utterance.agent),
                ("text", utterance.text), ("started_at_us", utterance.startedAtUs),
                ("interrupted", utterance.interrupted), ("played_ms", utterance.playedMs),
                ("event_offset", call.appliedOffset),
            ],
            db
        )
    }

    private static func write(_ exchange: ToolExchange, _ position: Int, of call: CallState, _ db: Database) throws {
        try self.upsert(
            "tool_calls",
            key: ["call_sid", "tool_call_id"],
            [
                ("call_sid", call.callSid), ("tool_call_id", exchange.call.toolCallID), ("position", position),
                ("name", exchange.call.name), ("agent", exchange.call.agent), ("arguments", exchange.call.arguments),
                ("completed", exchange.completed), ("succeeded", exchange.succeeded), ("output", exchange.output),
                ("event_offset", call.appliedOffset),
            ],
            db
        )
    }

    private static func write(_ handoff: Handoff, _ position: Int, of call: CallState, _ db: Database) throws {
        try self.upsert(
            "handoffs",
            key: ["call_sid", "position"],
            [
                ("call_sid", call.callSid), ("position", position), ("from_agent", handoff.fromAgent),
                ("to_agent", handoff.toAgent), ("reason", handoff.reason), ("context", handoff.context),
                ("at_us", handoff.atUs), ("event_offset", call.appliedOffset),
            ],
            db
        )
    }

    /// Inserts a row, or replaces the one of the same key if that is of a lower `event_offset`.
    static func upsert(
        _ table: String,
        key: [String],
        _ values: [(column: String, value: (any DatabaseValueConvertible)?)],
        _ db: Database
    ) throws {
        let columns = values.map(\.column)
        let updates = columns.filter { !key.contains($0) }.map { "\($0) = excluded.\($0)" }
        let statement = try db.cachedStatement(
            sql: """
                INSERT INTO \(table) (\(columns.joined(separator: ", ")))
                VALUES (\(columns.map { _ in "?" }.joined(separator: ", ")))
                ON CONFLICT (\(key.joined(separator: ", "))) DO UPDATE SET \(updates.joined(separator: ", "))
                WHERE excluded.event_offset > \(table).event_offset
                """
        )
        try statement.execute(arguments: StatementArguments(values.map(\.value)))
    }
}
