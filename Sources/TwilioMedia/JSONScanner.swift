import JSON
import NIOCore

/// Walks over JSON text without building values: the hot path reads four fields of a message and skips the rest.
///
/// `at` is the index of the next byte. Text is checked as far as it must be to find the end of each value.
enum JSONScanner {
    /// Deeper text is refused: no Media Streams message has more than three levels.
    static let maxDepth = 16

    /// A string's content between the quotation marks, still escaped.
    struct RawString {
        var range: Range<Int>
        var isEscaped: Bool
    }

    static func skipSpace(_ text: Span<UInt8>, _ at: inout Int) {
        while at < text.count {
            switch text[at] {
            case 0x20, 0x09, 0x0a, 0x0d: at += 1
            default: return
            }
        }
    }

    static func expect(_ byte: UInt8, _ text: Span<UInt8>, _ at: inout Int) throws(MediaMessageError) {
        self.skipSpace(text, &at)
        guard at < text.count, text[at] == byte else { throw MediaMessageError(.notJSON) }
        at += 1
    }

    /// Steps over the next byte when it is `byte`.
    static func take(_ byte: UInt8, _ text: Span<UInt8>, _ at: inout Int) -> Bool {
        self.skipSpace(text, &at)
        guard at < text.count, text[at] == byte else { return false }
        at += 1
        return true
    }

    static func string(_ text: Span<UInt8>, _ at: inout Int) throws(MediaMessageError) -> RawString {
        try self.expect(UInt8(ascii: "\""), text, &at)
        let start = at
        var isEscaped = false
        while at < text.count {
            switch text[at] {
            case UInt8(ascii: "\""):
                at += 1
                return RawString(range: start..<(at - 1), isEscaped: isEscaped)
            case UInt8(ascii: "\\"):
                isEscaped = true
                at += 2
            case 0..<0x20:
                throw MediaMessageError(.notJSON)
            default:
                at += 1
            }
        }
        throw MediaMessageError(.notJSON)
    }

    /// A member's key and the colon behind it; `at` is then at the value.
    static func key(_ text: Span<UInt8>, _ at: inout Int) throws(MediaMessageError) -> RawString {
        let key = try self.string(text, &at)
        try self.expect(UInt8(ascii: ":"), text, &at)
        self.skipSpace(text, &at)
        return key
    }

    static func isString(_ text: Span<UInt8>, _ at: Int) -> Bool {
        at < text.count && text[at] == UInt8(ascii: "\"")
    }

    static func skipValue(_ text: Span<UInt8>, _ at: inout Int, depth: Int = 0) throws(MediaMessageError) {
        guard depth < self.maxDepth else { throw MediaMessageError(.notJSON) }
        self.skipSpace(text, &at)
        guard at < text.count else { throw MediaMessageError(.notJSON) }
        switch text[at] {
        case UInt8(ascii: "\""):
            _ = try self.string(text, &at)
        case UInt8(ascii: "{"):
            at += 1
            if self.take(UInt8(ascii: "}"), text, &at) { return }
            repeat {
                _ = try self.string(text, &at)
                try self.expect(UInt8(ascii: ":"), text, &at)
                try self.skipValue(text, &at, depth: depth + 1)
            } while self.take(UInt8(ascii: ","), text, &at)
            try self.expect(UInt8(ascii: "}"), text, &at)
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
    static func word(_ text: Span<UInt8>, _ at: inout Int) throws(MediaMessageError) -> Range<Int> {
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
        guard at > start else { throw MediaMessageError(.notJSON) }
        return start..<at
    }

    /// The value at `at` as a non-negative whole number, written as a JSON number or as a string: Twilio does both.
    /// - Returns: nil when it is anything else; it is stepped over in any case.
    static func unsigned(_ text: Span<UInt8>, _ at: inout Int) throws(MediaMessageError) -> UInt64? {
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

    /// Only for keys and names without escapes, which is how all of Twilio's are written.
    static func equals(_ string: RawString, _ name: StaticString, in text: Span<UInt8>) -> Bool {
        guard !string.isEscaped, string.range.count == name.utf8CodeUnitCount else { return false }
        for (offset, index) in string.range.enumerated() where text[index] != name.utf8Start[offset] {
            return false
        }
        return true
    }

    /// The bytes that a base64 string stands for. An escaped solidus is the one escape that base64 text may hold.
    static func base64(_ string: RawString, in text: Span<UInt8>) throws(MediaMessageError) -> ByteBuffer {
        var bytes = ByteBuffer()
        let content = text.extracting(string.range)
        if string.isEscaped {
            var unescaped = ByteBuffer()
            for index in 0..<content.count {
                let isEscape =
                    content[index] == UInt8(ascii: "\\") && index + 1 < content.count
                    && content[index + 1] == UInt8(ascii: "/")
                if !isEscape { unescaped.writeInteger(content[index]) }
            }
            guard Base64.decode(unescaped.readableBytesUInt8Span, to: &bytes) else {
                throw MediaMessageError(.badBase64, field: "media.payload")
            }
        } else {
            guard Base64.decode(content, to: &bytes) else {
                throw MediaMessageError(.badBase64, field: "media.payload")
            }
        }
        return bytes
    }
}
