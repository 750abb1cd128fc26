/// The tables, by version. A version that was released is never changed: a change is another migration.
enum Schema {
    /// Brings a database up to date, in one transaction. Several instances may do it at once: the first does it. One that
    /// a later version has changed already stays as it is.
    static func migrate(_ session: any SQLSession) throws {
        if session.dialect == .postgresql {
            // Until the end of the transaction; the number means nothing, and is ours.
            try session.run("SELECT pg_advisory_xact_lock(7305805291)")
        }
        try session.run(
            "CREATE TABLE IF NOT EXISTS schema_version (version \(session.dialect.name(of: .integer)) NOT NULL)"
        )
        let version = try Self.version(session)
        if version < 2 {
            if version == 1 { try SchemaV1.setAside(session) }
            for statement in Self.tables.flatMap({ $0.creation(session.dialect) }) { try session.run(statement) }
            if version == 1 { try SchemaV1.takeOver(session) }
            try session.run("INSERT INTO schema_version (version) VALUES (2)")
        }
    }

    private static func version(_ session: any SQLSession) throws -> Int64 {
        if let known = try session.rows("SELECT version FROM schema_version ORDER BY version DESC LIMIT 1").first {
            return try known.integer(0)
        }
        return try SchemaV1.isThere(session) ? 1 : 0
    }

    /// All of version 2.
    private static let tables = [
        CallTables.calls.description, CallTables.states, CallTables.utterances.description,
        CallTables.tools.description, CallTables.handoffs.description, CallTables.turns.description,
        CallTables.moments.description, ResultTables.quotes.description, ResultTables.appointments.description,
        ResultTables.orders.description, ResultTables.offers.description, ResultTables.comparisons.description,
        CallTables.positions,
    ]
}
