/// A database that speaks SQL. Statements have `?` for each parameter; a `?` is nothing else.
protocol SQLEngine: Sendable {
    /// Runs `body` in a transaction: whole, or not at all when it throws.
    /// - Throws: what `body` throws, and `ResultsStoreError` with code `unavailable` or `refused`.
    func write<Value: Sendable>(_ body: @escaping @Sendable (any SQLSession) throws -> Value) async throws -> Value

    /// Runs `body`, which sees the database at one moment and does not wait for writers.
    func read<Value: Sendable>(_ body: @escaping @Sendable (any SQLSession) throws -> Value) async throws -> Value
}

/// A transaction. Blocks: used on a thread of the engine's own.
protocol SQLSession {
    var dialect: SQLDialect { get }

    /// Runs a statement, and gives the rows of its answer.
    func rows(_ sql: String, _ arguments: [SQLValue]) throws -> [SQLRow]

    /// Inserts rows, each of a key of its own, or replaces those of the same key that are older by the table's
    /// `version` column.
    func upsert(_ rows: [[SQLValue]], into table: TableDescription) throws
}

extension SQLSession {
    func run(_ sql: String, _ arguments: [SQLValue] = []) throws { _ = try self.rows(sql, arguments) }
    func rows(_ sql: String) throws -> [SQLRow] { try self.rows(sql, []) }
}

/// In what the two databases differ.
enum SQLDialect: Sendable {
    case sqlite
    case postgresql

    func name(of type: SQLType) -> String {
        switch (type, self) {
        case (.text, _): "TEXT"
        case (.integer, .sqlite), (.boolean, .sqlite): "INTEGER"
        case (.integer, .postgresql): "BIGINT"
        case (.boolean, .postgresql): "BOOLEAN"
        case (.bytes, .sqlite): "BLOB"
        case (.bytes, .postgresql): "BYTEA"
        }
    }

    /// Whether a column's text has another in it, as an expression with one parameter.
    func contains(_ column: String) -> String {
        switch self {
        case .sqlite: "instr(\(column), ?) > 0"
        case .postgresql: "strpos(\(column), ?) > 0"
        }
    }
}

enum SQLType: Sendable {
    case text
    case integer
    case boolean
    case bytes
}
