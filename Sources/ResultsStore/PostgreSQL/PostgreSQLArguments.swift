import CLibPQ

/// Parameters of a statement in PostgreSQL's binary format: https://www.postgresql.org/docs/current/protocol-overview.html
struct PostgreSQLArguments {
    private(set) var types: [Oid] = []
    private(set) var lengths: [Int32] = []
    private var offsets: [Int?] = []
    /// All values behind each other; never empty, so that an empty text has an address.
    private var bytes: [UInt8] = [0]

    /// - Throws: `ResultsStoreError` with code `refused` for a text that no column can have.
    mutating func append(_ value: SQLValue) throws {
        let start = self.bytes.count
        try self.write(value)
        self.types.append(value.type)
        self.finish(from: value == .null ? nil : start)
    }

    /// One parameter: an array of values, which are all of `type`.
    mutating func append(_ values: some Collection<SQLValue>, of type: SQLType) throws {
        let start = self.bytes.count
        self.write(Int32(1))  // dimensions
        self.write(Int32(0))  // no nulls
        self.write(Int32(bitPattern: type.oid))
        self.write(Int32(values.count))
        self.write(Int32(1))  // the first index
        for value in values {
            let length = self.bytes.count
            self.write(Int32(0))
            try self.write(value)
            self.write(Int32(self.bytes.count - length - 4), at: length)
        }
        self.types.append(type.arrayOid)
        self.finish(from: start)
    }

    func withPointers<Value>(_ body: ([UnsafePointer<CChar>?]) -> Value) -> Value {
        self.bytes.withUnsafeBytes { buffer in
            body(
                self.offsets.map { offset in
                    offset.flatMap { buffer.baseAddress?.advanced(by: $0).assumingMemoryBound(to: CChar.self) }
                }
            )
        }
    }

    private mutating func finish(from start: Int?) {
        self.offsets.append(start)
        self.lengths.append(Int32(start.map { self.bytes.count - $0 } ?? 0))
    }

    private mutating func write(_ value: SQLValue) throws {
        try value.requireStorable()
        switch value {
        case .null: break
        case .text(let text): self.bytes += text.utf8
        case .integer(let number): self.write(number)
        case .boolean(let value): self.bytes.append(value ? 1 : 0)
        case .bytes(let bytes): self.bytes += bytes
        }
    }

    private mutating func write(_ number: some FixedWidthInteger) {
        withUnsafeBytes(of: number.bigEndian) { self.bytes += $0 }
    }

    private mutating func write(_ number: Int32, at index: Int) {
        withUnsafeBytes(of: number.bigEndian) { self.bytes.replaceSubrange(index..<index + 4, with: $0) }
    }
}

// The object ids of types, which PostgreSQL keeps for ever (pg_type.dat).

extension SQLType {
    fileprivate var oid: Oid {
        switch self {
        case .text: 25
        case .integer: 20
        case .boolean: 16
        case .bytes: 17
        }
    }

    fileprivate var arrayOid: Oid {
        switch self {
        case .text: 1009
        case .integer: 1016
        case .boolean: 1000
        case .bytes: 1001
        }
    }
}

extension SQLValue {
    fileprivate var type: Oid {
        switch self {
        case .null, .text: SQLType.text.oid
        case .integer: SQLType.integer.oid
        case .boolean: SQLType.boolean.oid
        case .bytes: SQLType.bytes.oid
        }
    }

    /// A value of a result in binary format. Types that no statement asks for are null.
    init(_ result: OpaquePointer, _ row: Int32, _ column: Int32) {
        guard PQgetisnull(result, row, column) == 0, let start = PQgetvalue(result, row, column) else {
            self = .null
            return
        }
        let bytes = UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(result, row, column)))
        let type = PQftype(result, column)
        switch type {
        case SQLType.text.oid: self = .text(String(decoding: bytes, as: UTF8.self))
        case SQLType.bytes.oid: self = .bytes(Array(bytes))
        case SQLType.boolean.oid: self = .boolean(bytes.first != 0)
        // int8, int2, int4
        case SQLType.integer.oid: self = .integer(bytes.number(Int64.self))
        case 21: self = .integer(Int64(bytes.number(Int16.self)))
        case 23: self = .integer(Int64(bytes.number(Int32.self)))
        default: self = .null
        }
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func number<Number: FixedWidthInteger>(_ type: Number.Type) -> Number {
        self.reduce(0) { $0 << 8 | Number(truncatingIfNeeded: $1) }
    }
}
