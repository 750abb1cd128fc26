/// A value of a column or a parameter.
enum SQLValue: Sendable, Equatable {
    case null
    case text(String)
    case integer(Int64)
    case boolean(Bool)
    case bytes([UInt8])

    /// PostgreSQL takes no NUL in a text. So that one engine keeps what the other does, none does.
    /// - Throws: `ResultsStoreError` with code `refused`.
    func requireStorable() throws {
        guard case .text(var text) = self else { return }
        if text.withUTF8({ $0.contains(0) }) { throw ResultsStoreError(.refused, "a text has a NUL character") }
    }
}

/// A row of an answer: values in the order in which they were asked for.
struct SQLRow: Sendable {
    private let values: [SQLValue]

    init(_ values: [SQLValue]) {
        self.values = values
    }

    /// - Throws: `ResultsStoreError` with code `corrupt` when the value is of another type, or absent.
    func text(_ index: Int) throws -> String {
        guard case .text(let value) = try self.value(index) else { throw self.unexpected(index) }
        return value
    }

    func integer(_ index: Int) throws -> Int64 {
        guard case .integer(let value) = try self.value(index) else { throw self.unexpected(index) }
        return value
    }

    func boolean(_ index: Int) throws -> Bool {
        switch try self.value(index) {
        case .boolean(let value): return value
        // SQLite has no other.
        case .integer(let value): return value != 0
        case .null, .text, .bytes: throw self.unexpected(index)
        }
    }

    func bytes(_ index: Int) throws -> [UInt8] {
        guard case .bytes(let value) = try self.value(index) else { throw self.unexpected(index) }
        return value
    }

    private func value(_ index: Int) throws -> SQLValue {
        guard self.values.indices.contains(index) else { throw self.unexpected(index) }
        return self.values[index]
    }

    private func unexpected(_ index: Int) -> ResultsStoreError {
        ResultsStoreError(.corrupt, "column \(index) of an answer is not of the type that it was written with")
    }
}
