import CLibPQ

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// One connection to a server, and what it is asked. Blocks; used by one thread at a time.
final class PostgreSQLConnection: SQLSession {
    private let pointer: OpaquePointer
    /// The connection or its transaction cannot be used any more.
    private(set) var isBroken = false

    var dialect: SQLDialect { .postgresql }

    /// How long a statement may take, in milliseconds.
    private static let statementTimeoutMs = 30_000

    /// - Throws: `ResultsStoreError` with code `unavailable`; the message is libpq's, which never has the password.
    init(_ parameters: PostgreSQLParameters) throws {
        let keywords = parameters.values.map { strdup($0.key) } + [nil]
        let values = parameters.values.map { strdup($0.value) } + [nil]
        defer { for string in keywords + values { free(string) } }
        let connection = PQconnectdbParams(
            keywords.map { UnsafePointer($0) },
            values.map { UnsafePointer($0) },
            0
        )
        guard let connection else { throw ResultsStoreError(.unavailable, "out of memory") }
        self.pointer = connection
        guard PQstatus(connection) == CONNECTION_OK else { throw self.connectionError() }
        PQsetNoticeProcessor(connection, { _, _ in }, nil)
        let encoding = PQparameterStatus(connection, "server_encoding").map { String(cString: $0) }
        guard encoding == "UTF8" else {
            throw ResultsStoreError(.unavailable, "the database's encoding is \(encoding ?? "unknown"), not UTF8")
        }
        try self.run("SET statement_timeout = \(Self.statementTimeoutMs)")
        // Of an instance that hangs, locks are given back.
        try self.run("SET idle_in_transaction_session_timeout = \(2 * Self.statementTimeoutMs)")
    }

    deinit { PQfinish(self.pointer) }

    /// Runs `body` in the transaction that was begun, and commits. When it throws, nothing of it is done, and the
    /// connection is as before, or broken. When the commit's own answer is lost, nobody knows.
    func transaction<Value>(_ body: (any SQLSession) throws -> Value) throws -> Value {
        do {
            let value = try body(self)
            try self.run("COMMIT")
            return value
        } catch {
            if !self.isBroken, (try? self.run("ROLLBACK")) == nil { self.isBroken = true }
            throw error
        }
    }

    func rows(_ sql: String, _ arguments: [SQLValue]) throws -> [SQLRow] {
        var parameters = PostgreSQLArguments()
        for argument in arguments { try parameters.append(argument) }
        let result = try self.execute(Self.numbered(sql), parameters)
        defer { PQclear(result) }
        let columns = 0..<PQnfields(result)
        return (0..<PQntuples(result)).map { row in
            SQLRow(columns.map { SQLValue(result, row, $0) })
        }
    }

    /// One statement for all rows: an array for each column.
    func upsert(_ rows: [[SQLValue]], into table: TableDescription) throws {
        var arrays = PostgreSQLArguments()
        for (index, column) in table.columns.enumerated() {
            try arrays.append(rows.lazy.map { $0[index] }, of: column.type)
        }
        let parameters = table.columns.enumerated().map { "$\($0 + 1)::\(SQLDialect.postgresql.name(of: $1.type))[]" }
        let sql = """
            INSERT INTO \(table.name) (\(table.columnNames))
            SELECT * FROM unnest(\(parameters.joined(separator: ", "))) \(table.onConflict)
            """
        PQclear(try self.execute(sql, arrays))
    }

    /// - Returns: a result that the caller clears.
    private func execute(_ sql: String, _ arguments: PostgreSQLArguments) throws -> OpaquePointer {
        let formats = [Int32](repeating: 1, count: arguments.types.count)
        let result = arguments.withPointers { values in
            PQexecParams(
                self.pointer,
                sql,
                Int32(arguments.types.count),
                arguments.types,
                values,
                arguments.lengths,
                formats,
                1
            )
        }
        guard let result else { throw self.connectionError() }
        let status = PQresultStatus(result)
        if status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK { return result }
        defer { PQclear(result) }
        throw self.error(of: result)
    }

    private func error(of result: OpaquePointer) -> ResultsStoreError {
        func field(_ code: Int32) -> String? { PQresultErrorField(result, code).map { String(cString: $0) } }
        guard PQstatus(self.pointer) == CONNECTION_OK, let state = field(Int32(UInt8(ascii: "C"))) else {
            return self.connectionError()
        }
        let message = "\(field(Int32(UInt8(ascii: "M"))) ?? "error") (SQLSTATE \(state))"
        // Data exceptions, integrity constraints, and what is larger than the server can keep.
        if ["22", "23", "54"].contains(state.prefix(2)) { return ResultsStoreError(.refused, message) }
        // Also what is a matter of the server's state, such as one that has become a replica: a new connection may find
        // another.
        self.isBroken = true
        return ResultsStoreError(.unavailable, message)
    }

    private func connectionError() -> ResultsStoreError {
        self.isBroken = true
        let message = PQerrorMessage(self.pointer).map { String(cString: $0) } ?? ""
        let line = message.split(separator: "\n").joined(separator: "; ")
        return ResultsStoreError(.unavailable, line.isEmpty ? "the connection is lost" : line)
    }

    /// PostgreSQL numbers parameters.
    private static func numbered(_ sql: String) -> String {
        var number = 0
        var numbered = ""
        for character in sql {
            guard character == "?" else {
                numbered.append(character)
                continue
            }
            number += 1
            numbered += "$\(number)"
        }
        return numbered
    }
}
