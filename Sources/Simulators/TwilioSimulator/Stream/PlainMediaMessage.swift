import NIOCore

/// The quick way to read a `media` message: fifty a second for each call, so without building a JSON tree.
///
/// It takes the right three members in any order, with any white space, when no string has an escape; all else is left
/// to the parser that can say what is wrong.
enum PlainMediaMessage {
    private struct Members {
        var event: Range<Int>?
        var streamSid: Range<Int>?
        var payload: Range<Int>?
    }

    /// The base64 text of a right `media` message of this stream; nil for any other text.
    static func payload(of text: ByteBuffer, streamSid: String) -> ByteBuffer? {
        let range = text.withUnsafeReadableBytes { bytes -> Range<Int>? in
            var scanner = Scanner(bytes: bytes)
            guard let members = scanner.members(), let event = members.event, let sid = members.streamSid,
                let payload = members.payload,
                bytes[event].elementsEqual("media".utf8), bytes[sid].elementsEqual(streamSid.utf8)
            else { return nil }
            return payload
        }
        guard let range else { return nil }
        return text.getSlice(at: text.readerIndex + range.lowerBound, length: range.count)
    }

    private struct Scanner {
        let bytes: UnsafeRawBufferPointer
        var at = 0

        init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

        /// Nil unless the text is an object of the three members, each once.
        mutating func members() -> Members? {
            var members = Members()
            guard self.take("{") else { return nil }
            repeat {
                guard let key = self.string(), self.take(":") else { return nil }
                if self.is(key, "event"), members.event == nil {
                    members.event = self.string()
                } else if self.is(key, "streamSid"), members.streamSid == nil {
                    members.streamSid = self.string()
                } else if self.is(key, "media"), members.payload == nil {
                    guard self.take("{"), let inner = self.string(), self.is(inner, "payload"), self.take(":")
                    else { return nil }
                    members.payload = self.string()
                    guard self.take("}") else { return nil }
                } else {
                    return nil
                }
            } while self.take(",")
            guard self.take("}") else { return nil }
            self.skipSpace()
            return self.at == self.bytes.count ? members : nil
        }

        private func `is`(_ range: Range<Int>, _ name: StaticString) -> Bool {
            name.withUTF8Buffer { self.bytes[range].elementsEqual($0) }
        }

        private mutating func take(_ character: Unicode.Scalar) -> Bool {
            self.skipSpace()
            guard self.at < self.bytes.count, self.bytes[self.at] == UInt8(ascii: character) else { return false }
            self.at += 1
            return true
        }

        /// The content of a string of printable ASCII without escapes.
        private mutating func string() -> Range<Int>? {
            guard self.take("\"") else { return nil }
            let start = self.at
            while self.at < self.bytes.count {
                switch self.bytes[self.at] {
                case UInt8(ascii: "\""):
                    self.at += 1
                    return start..<(self.at - 1)
                case UInt8(ascii: "\\"), 0..<0x20, 0x7F...0xFF:
                    return nil
                default:
                    self.at += 1
                }
            }
            return nil
        }

        private mutating func skipSpace() {
            while self.at < self.bytes.count {
                switch self.bytes[self.at] {
                case 0x20, 0x09, 0x0A, 0x0D: self.at += 1
                default: return
                }
            }
        }
    }
}
