import FoundationEssentials
import GRDB

/// SQLite, in one file (WAL: reading never waits for writing). Another process may read and write it meanwhile.
final class SQLiteEngine: SQLEngine {
    private let pool: DatabasePool

    /// Opens the file, and creates it when it is missing; its directory must exist.
    ///
    /// - Parameter busyTimeout: how long a write waits for another process's lock, in seconds.
    /// - Throws: `ResultsStoreError` with code `unavailable`.
    init(path: String, busyTimeout: Double) throws {
        do {
            var configuration = Configuration()
            configuration.label = "results-store"
            configuration.busyMode = .timeout(busyTimeout)
            self.pool = try DatabasePool(path: path, configuration: configuration)
        } catch {
            throw ResultsStoreError(.unavailable, "\(path): \(error)")
        }
    }

    func write<Value: Sendable>(_ body: @escaping @Sendable (any SQLSession) throws -> Value) async throws -> Value {
        do {
            return try await self.pool.write { try body(SQLiteSession(database: $0)) }
        } catch let error as DatabaseError {
            throw ResultsStoreError(error)
        }
    }

    func read<Value: Sendable>(_ body: @escaping @Sendable (any SQLSession) throws -> Value) async throws -> Value {
        do {
            return try await self.pool.read { try body(SQLiteSession(database: $0)) }
        } catch let error as DatabaseError {
            throw ResultsStoreError(error)
        }
    }
}

private struct SQLiteSession: SQLSession {
    let database: Database
    var dialect: SQLDialect { .sqlite }

    func rows(_ sql: String, _ arguments: [SQLValue]) throws -> [SQLRow] {
        let statement = try self.database.makeStatement(sql: sql)
        try statement.setArguments(Self.arguments(arguments))
        if statement.columnCount == 0 {
            try statement.execute()
            return []
        }
        return try Row.fetchAll(statement).map { row in SQLRow(row.databaseValues.map(SQLValue.init)) }
    }

    func upsert(_ rows: [[SQLValue]], into table: TableDescription) throws {
        let parameters = table.columns.map { _ in "?" }.joined(separator: ", ")
        let statement = try self.database.cachedStatement(
            sql: "INSERT INTO \(table.name) (\(table.columnNames)) VALUES (\(parameters)) \(table.onConflict)"
        )
        for row in rows { try statement.execute(arguments: Self.arguments(row)) }
    }

    private static func arguments(_ values: [SQLValue]) throws -> StatementArguments {
        StatementArguments(
            try values.map { value in
                try value.requireStorable()
                return value.databaseValue
            }
        )
    }
}

extension SQLValue {
    fileprivate init(_ value: DatabaseValue) {
        switch value.storage {
        // No column of ours has a fraction.
        case .null, .double: self = .null
        case .int64(let number): self = .integer(number)
        case .string(let text): self = .text(text)
        case .blob(let bytes): self = .bytes(Array(bytes))
        }
    }

    fileprivate var databaseValue: DatabaseValue {
        switch self {
        case .null: .null
        case .text(let text): text.databaseValue
        case .integer(let number): number.databaseValue
        case .boolean(let value): value.databaseValue
        case .bytes(let bytes): Data(bytes).databaseValue
        }
    }
}

extension ResultsStoreError {
    /// The text of a statement is ours; that of its arguments is not repeated.
    fileprivate init(_ error: DatabaseError) {
        let code: Code = error.resultCode == .SQLITE_TOOBIG ? .refused : .unavailable
        self.init(code, error.message ?? "\(error.resultCode)")
    }
}
