package import NIOCore

/// Walks over JSON text without building values: the hot paths read a few fields of a message and skip the rest.
///
/// `at` is the index of the next byte. Text is checked as far as it must be to find the end of each value.
package enum JSONScanner {
    /// The text is not JSON, or nested too deeply.
    package struct SyntaxError: Error {}

    /// Deeper text is refused, so that no text exhausts the stack; Foundation's decoder stops there too.
    package static let maxDepth = 512

    /// A string's content between the quotation marks, still escaped.
    package struct RawString: Sendable {
        package var range: Range<Int>
        package var isEscaped: Bool
    }

    /// The whole text as one object.
    /// - Parameter member: is called with each key, and `at` at its value, which it steps over.
    package static func object(
        _ text: Span<UInt8>,
        member: (RawString, inout Int) throws(SyntaxError) -> Void
    ) throws(SyntaxError) {
        var at = 0
        try self.object(text, &at, member: member)
        self.skipSpace(text, &at)
        guard at == text.count else { throw SyntaxError() }
    }

    /// The object at `at`.
    /// - Parameter member: is called with each key, and `at` at its value, which it steps over.
    package static func object(
        _ text: Span<UInt8>,
        _ at: inout Int,
        member: (RawString, inout Int) throws(SyntaxError) -> Void
    ) throws(SyntaxError) {
        try self.expect(UInt8(ascii: "{"), text, &at)
        if self.take(UInt8(ascii: "}"), text, &at) { return }
        repeat {
            let key = try self.string(text, &at)
            try self.expect(UInt8(ascii: ":"), text, &at)
            self.skipSpace(text, &at)
            try member(key, &at)
        } while self.take(UInt8(ascii: ","), text, &at)
        try self.expect(UInt8(ascii: "}"), text, &at)
    }

    package static func isObject(_ text: Span<UInt8>, _ at: Int) -> Bool {
        at < text.count && text[at] == UInt8(ascii: "{")
    }

    package static func isString(_ text: Span<UInt8>, _ at: Int) -> Bool {
        at < text.count && text[at] == UInt8(ascii: "\"")
    }

    package static func string(_ text: Span<UInt8>, _ at: inout Int) throws(SyntaxError) -> RawString {
        try self.expect(UInt8(ascii: "\""), text, &at)
        let start = at
        var isEscaped = false
        while at < text.count {
            // Long strings are base64.
            at = self.skipPlain(text, at)
            guard at < text.count else { break }
            switch text[at] {
            case UInt8(ascii: "\""):
                at += 1
                return RawString(range: start..<(at - 1), isEscaped: isEscaped)
            case UInt8(ascii: "\\"):
                isEscaped = true
                at += 2
            case 0..<0x20:
                throw SyntaxError()
            default:
                at += 1
            }
        }
        throw SyntaxError()
    }

    package static func skipValue(_ text: Span<UInt8>, _ at: inout Int) throws(SyntaxError) {
        try self.skipValue(text, &at, depth: 0)
    }

    /// The value at `at` as a non-negative whole number, written as a JSON number or as a string: Twilio does both.
    /// - Returns: nil when it is anything else; it is stepped over in any case.
    package static func unsigned(_ text: Span<UInt8>, _ at: inout Int) throws(SyntaxError) -> UInt64? {
        self.skipSpace(text, &at)
        let digits: Range<Int>
        switch at < text.count ? text[at] : 0 {
        case UInt8(ascii: "\""): digits = try self.string(text, &at).range
        case UInt8(ascii: "0")...UInt8(ascii: "9"): digits = try self.word(text, &at)
        default:
            try self.skipValue(text, &at)
            return nil
        }
        guard !digits.isEmpty else { return nil }
        var value: UInt64 = 0
        for index in digits {
            let digit = text[index] &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            let (product, tooLarge) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflow) = product.addingReportingOverflow(UInt64(digit))
            guard !tooLarge, !overflow else { return nil }
            value = sum
        }
        return value
    }
}

extension JSONScanner {
    /// Only for keys and names without escapes, which is how both services write all of theirs.
    package static func equals(_ string: RawString, _ name: StaticString, in text: Span<UInt8>) -> Bool {
        guard !string.isEscaped, string.range.count == name.utf8CodeUnitCount else { return false }
        for (offset, index) in string.range.enumerated() where text[index] != name.utf8Start[offset] {
            return false
        }
        return true
    }

    /// The string's text, its escapes undone.
    /// - Returns: nil when an escape is none.
    package static func value(of string: RawString, in text: Span<UInt8>) -> String? {
        guard string.isEscaped else {
            return text.extracting(string.range).withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
        }
        let quoted = [UInt8(ascii: "\"")] + string.range.map { text[$0] } + [UInt8(ascii: "\"")]
        return (try? JSONValue(parsing: quoted))?.stringValue
    }

    /// The bytes that a base64 string stands for.
    /// - Returns: nil when it is not base64.
    package static func base64(_ string: RawString, in text: Span<UInt8>) -> ByteBuffer? {
        var bytes = ByteBuffer()
        return self.base64(string, in: text, to: &bytes) ? bytes : nil
    }

    /// Appends the bytes that a base64 string stands for. An escaped solidus is the one escape that base64 text may
    /// hold.
    /// - Returns: false, with `bytes` unchanged, when it is not base64.
    package static func base64(_ string: RawString, in text: Span<UInt8>, to bytes: inout ByteBuffer) -> Bool {
        let content = text.extracting(string.range)
        guard string.isEscaped else { return Base64.decode(content, to: &bytes) }
        var unescaped = ByteBuffer()
        for index in 0..<content.count {
            let isEscape =
                content[index] == UInt8(ascii: "\\") && index + 1 < content.count
                && content[index + 1] == UInt8(ascii: "/")
            if !isEscape { unescaped.writeInteger(content[index]) }
        }
        return Base64.decode(unescaped.readableBytesUInt8Span, to: &bytes)
    }
}

extension JSONScanner {
    /// Steps over bytes that mean nothing in a string, eight at a time; fewer than eight of them may be left.
    @inline(__always)
    private static func skipPlain(_ text: Span<UInt8>, _ start: Int) -> Int {
        let bytes = text.bytes
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        var at = start
        while at + 8 <= text.count {
            let word = bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: at, as: UInt64.self)
            // The high bit of a byte is set where it is a quotation mark, a backslash, or below 0x20; it may also be
            // set behind such a byte, and then the byte itself is looked at.
            let quotes = word ^ (ones &* 0x22)
            let escapes = word ^ (ones &* 0x5c)
            let special =
                ((quotes &- ones) & ~quotes) | ((escapes &- ones) & ~escapes) | ((word &- ones &* 0x20) & ~word)
            let found = (special & highs).littleEndian
            if found != 0 { return at + found.trailingZeroBitCount / 8 }
            at += 8
        }
        return at
    }

    static func skipSpace(_ text: Span<UInt8>, _ at: inout Int) {
        while at < text.count {
            switch text[at] {
            case 0x20, 0x09, 0x0a, 0x0d: at += 1
            default: return
            }
        }
    }

    static func expect(_ byte: UInt8, _ text: Span<UInt8>, _ at: inout Int) throws(SyntaxError) {
        guard self.take(byte, text, &at) else { throw SyntaxError() }
    }

    /// Steps over the next byte when it is `byte`.
    static func take(_ byte: UInt8, _ text: Span<UInt8>, _ at: inout Int) -> Bool {
        self.skipSpace(text, &at)
        guard at < text.count, text[at] == byte else { return false }
        at += 1
        return true
    }

    private static func skipValue(_ text: Span<UInt8>, _ at: inout Int, depth: Int) throws(SyntaxError) {
        guard depth < self.maxDepth else { throw SyntaxError() }
        self.skipSpace(text, &at)
        guard at < text.count else { throw SyntaxError() }
        switch text[at] {
        case UInt8(ascii: "\""):
            _ = try self.string(text, &at)
        case UInt8(ascii: "{"):
            try self.object(text, &at) { (_, at) throws(SyntaxError) in
                try self.skipValue(text, &at, depth: depth + 1)
            }
        case UInt8(ascii: "["):
            at += 1
            if self.take(UInt8(ascii: "]"), text, &at) { return }
            repeat {
                try self.skipValue(text, &at, depth: depth + 1)
            } while self.take(UInt8(ascii: ","), text, &at)
            try self.expect(UInt8(ascii: "]"), text, &at)
        default:
            _ = try self.word(text, &at)
        }
    }

    /// A number or a literal, up to the next delimiter; not checked further.
    static func word(_ text: Span<UInt8>, _ at: inout Int) throws(SyntaxError) -> Range<Int> {
        let start = at
        scan: while at < text.count {
            switch text[at] {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "E"),
                UInt8(ascii: "+"), UInt8(ascii: "-"), UInt8(ascii: "."):
                at += 1
            default:
                break scan
            }
        }
        guard at > start else { throw SyntaxError() }
        return start..<at
    }
}
