/// Reads the JSON text that services write, an order of magnitude faster than Foundation's decoder: a model sends several
/// events for each word that it says.
///
/// Whatever is not plain is left to Foundation, which decides what it means or what is wrong with it: escapes beside the
/// short ones, members that occur twice, numbers that may be whole or too long, depth, text that is no JSON or no UTF-8.
enum PlainJSON {
    /// Not plain.
    private struct Refusal: Error {}

    private static let maxDepth = 32
    /// Any whole number of so many digits is an `Int`.
    private static let maxDigits = 18

    /// - Returns: nil when the text is not plain.
    static func value(_ text: Span<UInt8>) -> JSONValue? {
        var at = 0
        guard let value = try? self.value(text, &at, depth: 0) else { return nil }
        JSONScanner.skipSpace(text, &at)
        return at == text.count ? value : nil
    }

    private static func value(_ text: Span<UInt8>, _ at: inout Int, depth: Int) throws -> JSONValue {
        guard depth < self.maxDepth else { throw Refusal() }
        JSONScanner.skipSpace(text, &at)
        guard at < text.count else { throw Refusal() }
        switch text[at] {
        case UInt8(ascii: "\""): return .string(try self.string(try JSONScanner.string(text, &at), text))
        case UInt8(ascii: "{"):
            var members: [String: JSONValue] = [:]
            try JSONScanner.expect(UInt8(ascii: "{"), text, &at)
            if JSONScanner.take(UInt8(ascii: "}"), text, &at) { return .object(members) }
            repeat {
                let key = try self.string(try JSONScanner.string(text, &at), text)
                try JSONScanner.expect(UInt8(ascii: ":"), text, &at)
                let value = try self.value(text, &at, depth: depth + 1)
                guard members.updateValue(value, forKey: key) == nil else { throw Refusal() }
            } while JSONScanner.take(UInt8(ascii: ","), text, &at)
            try JSONScanner.expect(UInt8(ascii: "}"), text, &at)
            return .object(members)
        case UInt8(ascii: "["):
            var values: [JSONValue] = []
            at += 1
            if JSONScanner.take(UInt8(ascii: "]"), text, &at) { return .array(values) }
            repeat {
                values.append(try self.value(text, &at, depth: depth + 1))
            } while JSONScanner.take(UInt8(ascii: ","), text, &at)
            try JSONScanner.expect(UInt8(ascii: "]"), text, &at)
            return .array(values)
        default: return try self.word(text.extracting(try JSONScanner.word(text, &at)))
        }
    }

    /// A literal or a number.
    private static func word(_ word: Span<UInt8>) throws -> JSONValue {
        func reads(_ literal: StaticString) -> Bool {
            guard word.count == literal.utf8CodeUnitCount else { return false }
            for index in word.indices where word[index] != literal.utf8Start[index] { return false }
            return true
        }
        if reads("null") { return .null }
        if reads("true") { return .bool(true) }
        if reads("false") { return .bool(false) }
        let isNegative = word[0] == UInt8(ascii: "-")
        let digits = word.extracting((isNegative ? 1 : 0)...)
        guard !digits.isEmpty, digits.count <= self.maxDigits else { throw Refusal() }
        // 0 begins no other number, and has no sign.
        if digits[0] == UInt8(ascii: "0"), isNegative || digits.count > 1 { throw Refusal() }
        var value = 0
        for index in digits.indices {
            guard case let digit = digits[index] &- UInt8(ascii: "0"), digit < 10 else { throw Refusal() }
            value = value * 10 + Int(digit)
        }
        return .integer(isNegative ? -value : value)
    }

    private static func string(_ raw: JSONScanner.RawString, _ text: Span<UInt8>) throws -> String {
        guard raw.isEscaped else { return try self.valid(text.extracting(raw.range)) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(raw.range.count)
        var at = raw.range.lowerBound
        while at < raw.range.upperBound {
            if text[at] == UInt8(ascii: "\\") {
                at += 1
                bytes.append(try self.escaped(text[at]))
            } else {
                bytes.append(text[at])
            }
            at += 1
        }
        return try self.valid(bytes.span)
    }

    private static func escaped(_ byte: UInt8) throws -> UInt8 {
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): byte
        case UInt8(ascii: "n"): 0x0a
        case UInt8(ascii: "r"): 0x0d
        case UInt8(ascii: "t"): 0x09
        default: throw Refusal()
        }
    }

    private static func valid(_ bytes: Span<UInt8>) throws -> String {
        let text = bytes.withUnsafeBufferPointer { String(validating: $0, as: UTF8.self) }
        guard let text else { throw Refusal() }
        return text
    }
}
