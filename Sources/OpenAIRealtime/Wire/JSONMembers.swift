import NIOCore

/// The members of one JSON object, found by scanning bytes: which member lies where, without decoding values.
///
/// It is strict about structure (brackets, strings, commas) and leaves the inside of values to whoever decodes them.
struct JSONMembers {
    /// A member's value as it lies in the message; a string's range is without its quotes.
    struct Value {
        var range: Range<Int>
        var isString: Bool
        /// The string holds a backslash: its bytes are not its text.
        var isEscaped: Bool
    }

    private var scan: Scan

    /// - Throws: `notAnObject` when `bytes` does not begin with an object.
    init(_ bytes: ByteBufferView) throws(RealtimeMessageError) {
        self.scan = Scan(bytes: bytes, position: bytes.startIndex)
        self.scan.skipSpace()
        guard self.scan.take(UInt8(ascii: "{")) else { throw RealtimeMessageError(.notAnObject) }
    }

    private var isFirst = true

    /// The next member, or nil behind the last.
    /// - Throws: `notJSON` when the bytes end or break the structure.
    mutating func next() throws(RealtimeMessageError) -> (key: Value, value: Value)? {
        self.scan.skipSpace()
        if self.scan.take(UInt8(ascii: "}")) {
            self.scan.skipSpace()
            guard self.scan.isAtEnd else { throw RealtimeMessageError(.notJSON) }
            return nil
        }
        if !self.isFirst {
            guard self.scan.take(UInt8(ascii: ",")) else { throw RealtimeMessageError(.notJSON) }
            self.scan.skipSpace()
        }
        self.isFirst = false
        let key = try self.scan.string()
        self.scan.skipSpace()
        guard self.scan.take(UInt8(ascii: ":")) else { throw RealtimeMessageError(.notJSON) }
        self.scan.skipSpace()
        return (key, try self.scan.value())
    }
}

private struct Scan {
    let bytes: ByteBufferView
    var position: Int

    var isAtEnd: Bool { self.position >= self.bytes.endIndex }

    mutating func skipSpace() {
        while !self.isAtEnd, [0x20, 0x0a, 0x0d, 0x09].contains(self.bytes[self.position]) { self.position += 1 }
    }

    mutating func take(_ byte: UInt8) -> Bool {
        guard !self.isAtEnd, self.bytes[self.position] == byte else { return false }
        self.position += 1
        return true
    }

    mutating func string() throws(RealtimeMessageError) -> JSONMembers.Value {
        guard self.take(UInt8(ascii: "\"")) else { throw RealtimeMessageError(.notJSON) }
        let start = self.position
        var escaped = false
        while let quote = self.bytes[self.position...].firstIndex(of: UInt8(ascii: "\"")) {
            // An even run of backslashes before the quote escapes only itself.
            var backslashes = 0
            while quote - backslashes > start, self.bytes[quote - backslashes - 1] == UInt8(ascii: "\\") {
                backslashes += 1
            }
            self.position = quote + 1
            if backslashes % 2 == 0 {
                escaped = escaped || self.bytes[start..<quote].contains(UInt8(ascii: "\\"))
                return JSONMembers.Value(range: start..<quote, isString: true, isEscaped: escaped)
            }
            escaped = true
        }
        throw RealtimeMessageError(.notJSON)
    }

    mutating func value() throws(RealtimeMessageError) -> JSONMembers.Value {
        guard !self.isAtEnd else { throw RealtimeMessageError(.notJSON) }
        let start = self.position
        switch self.bytes[start] {
        case UInt8(ascii: "\""): return try self.string()
        case UInt8(ascii: "{"), UInt8(ascii: "["): try self.skipNested()
        default: self.skipLiteral()
        }
        guard self.position > start else { throw RealtimeMessageError(.notJSON) }
        return JSONMembers.Value(range: start..<self.position, isString: false, isEscaped: false)
    }

    private mutating func skipNested() throws(RealtimeMessageError) {
        var depth = 0
        while !self.isAtEnd {
            switch self.bytes[self.position] {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: "\""):
                _ = try self.string()
                continue
            default: break
            }
            self.position += 1
            if depth == 0 { return }
        }
        throw RealtimeMessageError(.notJSON)
    }

    private mutating func skipLiteral() {
        while !self.isAtEnd {
            switch self.bytes[self.position] {
            case UInt8(ascii: ","), UInt8(ascii: "}"), UInt8(ascii: "]"), 0x20, 0x0a, 0x0d, 0x09: return
            default: self.position += 1
            }
        }
    }
}
