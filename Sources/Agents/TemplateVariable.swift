/// What a name in a template stands for.
indirect enum TemplateVariable: Sendable, Equatable {
    /// Text; as a section: it is not empty.
    case text
    case flag
    /// As a section, once for each; its members are known inside.
    case list([String: TemplateVariable])
    /// As a section, when it is there; its members are known inside, and as `name.member`.
    case object([String: TemplateVariable])

    /// What a template can name. Text from outside is one line in quotation marks.
    static let ofCall: [String: TemplateVariable] = [
        // The request.
        "business": .text,
        "request": .text,
        "request_id": .text,
        // Empty for `general`, which says nothing.
        "category": .text,
        "user_id": .text,
        // JSON, on one line.
        "user_data": .text,
        // Somebody has called us.
        "inbound": .flag,
        // In the time zone of the file, else in UTC: `2026-11-23`, `Monday`, `14:05`.
        "date": .text,
        "weekday": .text,
        "time": .text,
        "time_zone": .text,
        // Results of this call so far.
        "results": .flag,
        "quotes": .list(Self.quote),
        "appointments": .list(["date": .text, "time": .text, "confirmation_number": .text, "notes": .text]),
        "orders": .list([
            "items": .text, "total_price": .text, "confirmation_number": .text, "estimated_time": .text,
            "delivery": .text,
        ]),
        "offers": .list(["description": .text, "discount": .text, "valid_until": .text, "conditions": .text]),
        // Prices of other calls of the same request, and those that came with it: JSON, on one line each.
        "other_prices": .flag,
        "other_quotes": .list(Self.quote),
        "given_quotes": .list(["quote": .text]),
        // The last handoff of the conversation.
        "handoff": .object(["from": .text, "reason": .text, "context": .text]),
    ]

    private static let quote: [String: TemplateVariable] = [
        "quote_id": .text, "business": .text, "price": .text, "details": .text, "availability": .text,
    ]
}
