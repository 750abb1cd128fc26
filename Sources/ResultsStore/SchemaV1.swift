import CallEvents
import SwiftProtobuf

/// Version 1, which was on SQLite only: calls with their state beside them, utterances, tool calls, handoffs and quotes.
enum SchemaV1 {
    private static let tables = ["utterances", "tool_calls", "handoffs", "quotes", "kafka_offsets", "calls"]

    static func isThere(_ session: any SQLSession) throws -> Bool {
        guard session.dialect == .sqlite else { return false }
        return try !session.rows("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'grdb_migrations'")
            .isEmpty
    }

    /// Makes room for tables of the same names.
    static func setAside(_ session: any SQLSession) throws {
        for table in self.tables { try session.run("ALTER TABLE \(table) RENAME TO v1_\(table)") }
    }

    /// Copies what version 2 keeps. Where a call's state has more to tell than the rows that were made of it, rows are
    /// made of it again; what is not in the state any more is taken from the rows.
    static func takeOver(_ session: any SQLSession) throws {
        try self.foldAgain(session)
        try self.copy(
            "utterances",
            "call_sid, item_id, position, speaker, agent, text, heard_text, started_at_us, interrupted, played_ms, "
                + "event_offset",
            from: "call_sid, item_id, position, speaker, agent, text, text, started_at_us, interrupted, played_ms, "
                + "event_offset",
            session
        )
        try self.copy(
            "tool_calls",
            "call_sid, tool_call_id, position, name, agent, arguments, started_at_us, completed, succeeded, output, "
                + "event_offset",
            from: "call_sid, tool_call_id, position, name, agent, arguments, 0, completed, succeeded, output, "
                + "event_offset",
            session
        )
        try self.copy("handoffs", CallTables.handoffs.description.columnNames, session)
        try self.copy("quotes", ResultTables.quotes.description.columnNames, session)
        try self.copy("kafka_offsets", CallTables.positions.columnNames, session)
        for table in self.tables { try session.run("DROP TABLE v1_\(table)") }
        try session.run("DROP TABLE grdb_migrations")
    }

    private static func copy(_ table: String, _ columns: String, from: String? = nil, _ session: any SQLSession) throws
    {
        try session.run(
            """
            INSERT INTO \(table) (\(columns)) SELECT \(from ?? columns) FROM v1_\(table) WHERE true
            ON CONFLICT DO NOTHING
            """
        )
    }

    private static func foldAgain(_ session: any SQLSession) throws {
        var last = ""
        while true {
            let rows = try session.rows(
                "SELECT call_sid, state FROM v1_calls WHERE call_sid > ? ORDER BY call_sid LIMIT 100",
                [.text(last)]
            )
            guard let end = rows.last else { return }
            last = try end.text(0)
            var batch = ResultsBatch()
            for row in rows {
                let state = try StoredState.state(in: row.bytes(1), of: row.text(0))
                // Which partition it came from, nobody has noted.
                batch.add(state, partition: -1)
                batch.add(CallChanges.all(of: state, partition: -1))
            }
            try BatchWriting.write(batch, session)
        }
    }
}
