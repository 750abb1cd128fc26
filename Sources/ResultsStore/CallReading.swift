import CallEvents

/// Calls, read.
enum CallReading {
    static func history(of callSid: String, _ session: any SQLSession) throws -> CallHistory? {
        let sid = [SQLValue.text(callSid)]
        guard let call = try CallTables.calls.select("WHERE call_sid = ?", sid, session).first else { return nil }
        var history = CallHistory(call: call)
        let byPosition = "WHERE call_sid = ? ORDER BY position, event_offset"
        let byOffset = "WHERE call_sid = ? ORDER BY event_offset"
        history.utterances = try CallTables.utterances.select(byPosition, sid, session)
        history.tools = try CallTables.tools.select(byPosition, sid, session)
        history.handoffs = try CallTables.handoffs.select(byPosition, sid, session)
        history.turns = try CallTables.turns.select(byPosition, sid, session)
        history.moments = try CallTables.moments.select(byOffset, sid, session)
        history.quotes = try ResultTables.quotes.select(byOffset, sid, session).map(\.made)
        history.appointments = try ResultTables.appointments.select(byOffset, sid, session).map(\.made)
        history.orders = try ResultTables.orders.select(byOffset, sid, session).map(\.made)
        history.offers = try ResultTables.offers.select(byOffset, sid, session).map(\.made)
        history.comparisons = try ResultTables.comparisons.select(byOffset, sid, session).map(\.made)
        return history
    }

    static func page(_ query: CallQuery, _ session: any SQLSession) throws -> CallPage {
        let limit = min(max(query.limit, 1), 200)
        let condition = self.condition(query, session.dialect)
        var calls = try CallTables.calls.select(
            "\(condition.text) \(self.newestFirst) LIMIT \(limit + 1)",
            condition.arguments,
            session
        )
        guard calls.count > limit else { return CallPage(calls: calls, next: nil) }
        calls.removeLast(calls.count - limit)
        return CallPage(
            calls: calls,
            next: calls.last.map { CallCursor(requestedAtUs: $0.requestedAtUs, callSid: $0.callSid) }
        )
    }

    static func changed(after offsets: [Int32: Int64], limit: Int, _ session: any SQLSession) throws -> [CallRow] {
        try offsets.sorted { $0.key < $1.key }.flatMap { partition, offset in
            try CallTables.calls.select(
                "WHERE partition = ? AND event_offset > ? ORDER BY event_offset LIMIT \(max(0, limit))",
                [.integer(Int64(partition)), .integer(offset)],
                session
            )
        }
    }

    /// Calls in progress (a call whose end was never heard of is one for ever: the newest 1,000), and the newest besides.
    static func newest(limit: Int, _ session: any SQLSession) throws -> [CallRow] {
        let running = "WHERE ended_at_us = 0 \(self.newestFirst) LIMIT 1000"
        let inProgress = try CallTables.calls.select(running, [], session)
        let ended = "WHERE ended_at_us > 0 \(self.newestFirst) LIMIT \(max(0, limit))"
        return inProgress + (try CallTables.calls.select(ended, [], session))
    }

    private static let newestFirst = "ORDER BY requested_at_us DESC, call_sid DESC"

    private static func condition(_ query: CallQuery, _ dialect: SQLDialect) -> SQLCondition {
        var condition = SQLCondition()
        if !query.status.isEmpty {
            let statuses = query.status + (query.status.contains("queued") ? [""] : [])
            condition.add("status IN (\(SQLCondition.parameters(statuses.count)))", statuses.map { .text($0) })
        }
        if let inProgress = query.inProgress { condition.add(inProgress ? "ended_at_us = 0" : "ended_at_us > 0") }
        for (column, value) in [
            ("agent", query.agent), ("request_id", query.requestID), ("category", query.category),
            ("outcome", query.outcome),
        ] {
            if let value { condition.add("\(column) = ?", [.text(value)]) }
        }
        if let text = query.text, !text.isEmpty {
            condition.add(dialect.contains("search"), [.text(CallTables.searched(text))])
        }
        if let from = query.from { condition.add("requested_at_us >= ?", [.integer(from)]) }
        if let to = query.to { condition.add("requested_at_us < ?", [.integer(to)]) }
        if let last = query.after {
            condition.add("(requested_at_us, call_sid) < (?, ?)", [.integer(last.requestedAtUs), .text(last.callSid)])
        }
        return condition
    }
}

/// What rows must meet: all of some terms.
struct SQLCondition {
    private var terms: [String] = []
    private(set) var arguments: [SQLValue] = []

    mutating func add(_ term: String, _ arguments: [SQLValue] = []) {
        self.terms.append(term)
        self.arguments += arguments
    }

    var text: String { self.terms.isEmpty ? "" : "WHERE \(self.terms.joined(separator: " AND "))" }

    /// So many `?`.
    static func parameters(_ count: Int) -> String { Array(repeating: "?", count: count).joined(separator: ", ") }
}
