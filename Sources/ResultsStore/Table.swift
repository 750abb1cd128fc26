/// A table, as its schema and the statements that write it are made from. Every column is NOT NULL.
struct TableDescription: Sendable {
    var name: String
    var columns: [(name: String, type: SQLType)]
    var key: [String]
    /// Of two rows with the same key, the one with the higher value here stays.
    var version = "event_offset"
    /// What follows `ON table`, such as `(call_sid)`.
    var indexes: [String] = []

    var columnNames: String { self.columns.map(\.name).joined(separator: ", ") }

    /// The end of an upsert: what happens when the key is there.
    var onConflict: String {
        let updates = self.columns.map(\.name).filter { !self.key.contains($0) }.map { "\($0) = excluded.\($0)" }
        return """
            ON CONFLICT (\(self.key.joined(separator: ", "))) DO UPDATE SET \(updates.joined(separator: ", "))
            WHERE excluded.\(self.version) > \(self.name).\(self.version)
            """
    }

    /// The statements that create the table and its indexes.
    func creation(_ dialect: SQLDialect) -> [String] {
        let columns = self.columns.map { "\($0.name) \(dialect.name(of: $0.type)) NOT NULL" }
        let content = (columns + ["PRIMARY KEY (\(self.key.joined(separator: ", ")))"]).joined(separator: ", ")
        let end = dialect == .sqlite ? " STRICT" : ""
        return ["CREATE TABLE \(self.name) (\(content))\(end)"]
            + self.indexes.enumerated().map { "CREATE INDEX \(self.name)_\($0 + 1) ON \(self.name) \($1)" }
    }
}

/// A table whose rows are values of a type.
struct Table<Row: Sendable>: Sendable {
    let description: TableDescription
    private let columns: [Column<Row>]
    private let empty: @Sendable () -> Row

    init(
        _ name: String,
        key: [String],
        indexes: [String] = [],
        empty: @escaping @Sendable () -> Row,
        _ columns: [Column<Row>]
    ) {
        self.columns = columns
        self.empty = empty
        self.description = TableDescription(
            name: name,
            columns: columns.map { ($0.name, $0.type) },
            key: key,
            indexes: indexes
        )
    }

    func values(of row: Row) throws -> [SQLValue] { try self.columns.map { try $0.value(row) } }

    /// - Parameter values: of all columns.
    func row(_ values: SQLRow) throws -> Row {
        var row = self.empty()
        for (index, column) in self.columns.enumerated() { try column.take(&row, values, index) }
        return row
    }

    /// - Parameter condition: the rest of a SELECT statement.
    func select(_ condition: String, _ arguments: [SQLValue], _ session: any SQLSession) throws -> [Row] {
        try session.rows(
            "SELECT \(self.description.columnNames) FROM \(self.description.name) \(condition)",
            arguments
        )
        .map(self.row)
    }
}

/// A column, and the part of a row that it holds.
struct Column<Row: Sendable>: Sendable {
    var name: String
    var type: SQLType
    var value: @Sendable (Row) throws -> SQLValue
    var take: @Sendable (inout Row, SQLRow, Int) throws -> Void

}

extension Column {
    static func text(_ name: String, _ part: any WritableKeyPath<Row, String> & Sendable) -> Self {
        Self(name: name, type: .text) {
            .text($0[keyPath: part])
        } take: {
            $0[keyPath: part] = try $1.text($2)
        }
    }

    /// What does not fit into 64 bits with a sign is stored as the nearest that does.
    static func integer<Number: FixedWidthInteger & Sendable>(
        _ name: String,
        _ part: any WritableKeyPath<Row, Number> & Sendable
    ) -> Self {
        Self(name: name, type: .integer) {
            .integer(Int64(clamping: $0[keyPath: part]))
        } take: {
            $0[keyPath: part] = Number(clamping: try $1.integer($2))
        }
    }

    static func boolean(_ name: String, _ part: any WritableKeyPath<Row, Bool> & Sendable) -> Self {
        Self(name: name, type: .boolean) {
            .boolean($0[keyPath: part])
        } take: {
            $0[keyPath: part] = try $1.boolean($2)
        }
    }

    /// Text that another type is written as.
    static func text<Value: Sendable>(
        _ name: String,
        _ part: any WritableKeyPath<Row, Value> & Sendable,
        encode: @escaping @Sendable (Value) throws -> String,
        decode: @escaping @Sendable (String) throws -> Value
    ) -> Self {
        Self(name: name, type: .text) {
            .text(try encode($0[keyPath: part]))
        } take: {
            $0[keyPath: part] = try decode(try $1.text($2))
        }
    }

    /// Is written for searching, and not read.
    static func text(_ name: String, derived: @escaping @Sendable (Row) -> String) -> Self {
        Self(name: name, type: .text) {
            .text(derived($0))
        } take: { _, _, _ in
        }
    }
}
