import CallEvents
import GRDB
import SwiftProtobuf

extension CallRows {
    /// The call without its quotes.
    static func record(of callSid: String, _ db: Database) throws -> CallRecord? {
        guard let row = try Row.fetchOne(db, sql: "SELECT * FROM calls WHERE call_sid = ?", arguments: [callSid])
        else { return nil }
        return CallRecord(
            callSid: row["call_sid"],
            requestID: row["request_id"],
            businessName: row["business_name"],
            userRequest: row["user_request"],
            category: row["category"],
            status: row["status"],
            agent: row["agent"],
            endReason: row["end_reason"],
            requestedAtUs: row["requested_at_us"],
            answeredAtUs: row["answered_at_us"],
            endedAtUs: row["ended_at_us"],
            usage: .with {
                $0.inputTextTokens = row["input_text_tokens"]
                $0.inputAudioTokens = row["input_audio_tokens"]
                $0.cachedTextTokens = row["cached_text_tokens"]
                $0.cachedAudioTokens = row["cached_audio_tokens"]
                $0.outputTextTokens = row["output_text_tokens"]
                $0.outputAudioTokens = row["output_audio_tokens"]
            },
            handoffs: try self.handoffs(of: callSid, db),
            transcript: try self.transcript(of: callSid, db),
            quotes: []
        )
    }

    private static func transcript(of callSid: String, _ db: Database) throws -> [Utterance] {
        let sql = "SELECT * FROM utterances WHERE call_sid = ? AND text <> '' ORDER BY position"
        return try Row.fetchAll(db, sql: sql, arguments: [callSid]).map { row in
            .with {
                $0.itemID = row["item_id"]
                $0.speaker = row["speaker"] == "agent" ? .agent : .person
                $0.agent = row["agent"]
                $0.text = row["text"]
                $0.startedAtUs = row["started_at_us"]
                $0.interrupted = row["interrupted"]
                $0.playedMs = row["played_ms"]
            }
        }
    }

    private static func handoffs(of callSid: String, _ db: Database) throws -> [Handoff] {
        let sql = "SELECT * FROM handoffs WHERE call_sid = ? ORDER BY position"
        return try Row.fetchAll(db, sql: sql, arguments: [callSid]).map { row in
            .with {
                $0.fromAgent = row["from_agent"]
                $0.toAgent = row["to_agent"]
                $0.reason = row["reason"]
                $0.context = row["context"]
                $0.atUs = row["at_us"]
            }
        }
    }
}
