import CallEvents
import GRDB
import SwiftProtobuf

/// The rows of `quotes`.
enum QuoteRows {
    static func write(_ quote: Quote, offset: Int64, _ db: Database) throws {
        try CallRows.upsert(
            "quotes",
            key: ["quote_id"],
            [
                ("quote_id", quote.quoteID), ("call_sid", quote.callSid), ("request_id", quote.requestID),
                ("business_name", quote.businessName), ("price", quote.price), ("currency", quote.currency),
                ("details", quote.details), ("availability", quote.availability), ("agent", quote.agent),
                ("quoted_at", quote.quotedAt), ("event_offset", offset),
            ],
            db
        )
    }

    /// In the order in which they were given.
    static func quotes(of callSid: String, _ db: Database) throws -> [Quote] {
        let sql = "SELECT * FROM quotes WHERE call_sid = ? ORDER BY event_offset"
        return try Row.fetchAll(db, sql: sql, arguments: [callSid]).map { row in
            .with {
                $0.quoteID = row["quote_id"]
                $0.callSid = row["call_sid"]
                $0.requestID = row["request_id"]
                $0.businessName = row["business_name"]
                $0.price = row["price"]
                $0.currency = row["currency"]
                $0.details = row["details"]
                $0.availability = row["availability"]
                $0.agent = row["agent"]
                $0.quotedAt = row["quoted_at"]
            }
        }
    }
}
