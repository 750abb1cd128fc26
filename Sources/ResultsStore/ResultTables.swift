import CallEvents
import SwiftProtobuf

/// A result, and its offset on its topic.
struct ResultRow<Made: Message & Equatable & Sendable>: Sendable, Equatable {
    var made = Made()
    var offset: Int64 = -1
}

/// The tables of results: the fields of the messages on results.*, and the offset there. They come independently of the
/// events of their calls.
enum ResultTables {
    static let quotes = Self.table(
        "quotes",
        id: "quote_id",
        [
            .text("quote_id", \.made.quoteID), .text("call_sid", \.made.callSid), .text("request_id", \.made.requestID),
            .text("business_name", \.made.businessName), .text("price", \.made.price),
            .text("currency", \.made.currency), .text("details", \.made.details),
            .text("availability", \.made.availability), .text("agent", \.made.agent),
            .text("quoted_at", \.made.quotedAt),
        ] as [Column<ResultRow<Quote>>]
    )

    static let appointments = Self.table(
        "appointments",
        id: "appointment_id",
        [
            .text("appointment_id", \.made.appointmentID), .text("call_sid", \.made.callSid),
            .text("request_id", \.made.requestID), .text("business_name", \.made.businessName),
            .text("date", \.made.date), .text("time", \.made.time), .text("time_zone", \.made.timeZone),
            .text("starts_at", \.made.startsAt), .text("as_said", \.made.asSaid),
            .text("confirmation_number", \.made.confirmationNumber), .text("notes", \.made.notes),
            .text("agent", \.made.agent), .text("recorded_at", \.made.recordedAt),
        ] as [Column<ResultRow<Appointment>>]
    )

    static let orders = Self.table(
        "orders",
        id: "order_id",
        [
            .text("order_id", \.made.orderID), .text("call_sid", \.made.callSid), .text("request_id", \.made.requestID),
            .text("business_name", \.made.businessName), Self.list("items", \.made.items),
            .text("total_price", \.made.totalPrice), .text("currency", \.made.currency),
            .text("confirmation_number", \.made.confirmationNumber), .text("estimated_time", \.made.estimatedTime),
            .text("delivery", \.made.delivery), .text("agent", \.made.agent), .text("recorded_at", \.made.recordedAt),
        ] as [Column<ResultRow<Order>>]
    )

    static let offers = Self.table(
        "offers",
        id: "offer_id",
        [
            .text("offer_id", \.made.offerID), .text("call_sid", \.made.callSid), .text("request_id", \.made.requestID),
            .text("business_name", \.made.businessName), .text("description", \.made.description_p),
            .text("discount", \.made.discount), .text("valid_until", \.made.validUntil),
            .text("valid_until_date", \.made.validUntilDate), .text("conditions", \.made.conditions),
            .text("agent", \.made.agent), .text("recorded_at", \.made.recordedAt),
        ] as [Column<ResultRow<Offer>>]
    )

    static let comparisons = Self.table(
        "comparisons",
        id: "comparison_id",
        [
            .text("comparison_id", \.made.comparisonID), .text("call_sid", \.made.callSid),
            .text("request_id", \.made.requestID), .text("criteria", \.made.criteria),
            Self.list("ranking", \.made.ranking), .text("best_quote_id", \.made.bestQuoteID),
            .text("summary", \.made.summary), .text("agent", \.made.agent), .text("compared_at", \.made.comparedAt),
        ] as [Column<ResultRow<Comparison>>]
    )

    private static func table<Made: Message & Equatable & Sendable>(
        _ name: String,
        id: String,
        _ columns: [Column<ResultRow<Made>>]
    ) -> Table<ResultRow<Made>> {
        Table(
            name,
            key: [id],
            indexes: ["(call_sid)", "(request_id)"],
            empty: { ResultRow() },
            columns + [.integer("event_offset", \.offset)]
        )
    }

    /// A JSON array of proto3 JSON.
    private static func list<Row: Sendable, Element: Message & Sendable>(
        _ name: String,
        _ part: any WritableKeyPath<Row, [Element]> & Sendable
    ) -> Column<Row> {
        .text(
            name,
            part,
            encode: { try Element.jsonString(from: $0) },
            decode: { text in
                do {
                    return try Element.array(fromJSONString: text)
                } catch {
                    throw ResultsStoreError(.corrupt, "\(name) is not what was written")
                }
            }
        )
    }
}
