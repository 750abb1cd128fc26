package import NIOCore

/// Base64 (RFC 4648 section 4) between byte buffers, without intermediate text.
package enum Base64 {
    /// The characters that `count` bytes take, padding included.
    package static func encodedLength(of count: Int) -> Int {
        (count + 2) / 3 * 4
    }

    /// Appends the padded text of `bytes`.
    package static func encode(_ bytes: ByteBuffer, to text: inout ByteBuffer) {
        let length = self.encodedLength(of: bytes.readableBytes)
        text.writeWithOutputRawSpan(minimumWritableBytes: length) { output in
            self.encode(bytes.readableBytesUInt8Span, to: &output)
        }
    }

    package static func encode(_ bytes: [UInt8]) -> [UInt8] {
        var text = ByteBuffer()
        self.encode(ByteBuffer(bytes: bytes), to: &text)
        return Array(text.readableBytesView)
    }

    private static func encode(_ bytes: Span<UInt8>, to output: inout OutputRawSpan) {
        let pairs = self.pairs.span
        var index = 0
        // Six bytes at a time, as four pairs of characters in one store.
        while index + 6 <= bytes.count {
            let first = Int(bytes[index]) << 16 | Int(bytes[index + 1]) << 8 | Int(bytes[index + 2])
            let second = Int(bytes[index + 3]) << 16 | Int(bytes[index + 4]) << 8 | Int(bytes[index + 5])
            let low = UInt64(pairs[first >> 12]) | UInt64(pairs[first & 0xfff]) << 16
            let high = UInt64(pairs[second >> 12]) | UInt64(pairs[second & 0xfff]) << 16
            output.append((low | high << 32).littleEndian, as: UInt64.self)
            index += 6
        }
        self.encodeRest(bytes.extracting(index...), to: &output)
    }

    /// Fewer than six bytes.
    private static func encodeRest(_ bytes: Span<UInt8>, to output: inout OutputRawSpan) {
        let alphabet = self.alphabet.span
        let whole = bytes.count - bytes.count % 3
        var index = 0
        while index < whole {
            let group = UInt32(bytes[index]) << 16 | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2])
            output.append(alphabet[Int(group >> 18)])
            output.append(alphabet[Int(group >> 12 & 0x3f)])
            output.append(alphabet[Int(group >> 6 & 0x3f)])
            output.append(alphabet[Int(group & 0x3f)])
            index += 3
        }
        guard whole < bytes.count else { return }
        let second = whole + 1 < bytes.count ? UInt32(bytes[whole + 1]) : nil
        let group = UInt32(bytes[whole]) << 16 | (second ?? 0) << 8
        output.append(alphabet[Int(group >> 18)])
        output.append(alphabet[Int(group >> 12 & 0x3f)])
        output.append(second == nil ? UInt8(ascii: "=") : alphabet[Int(group >> 6 & 0x3f)])
        output.append(UInt8(ascii: "="))
    }

    /// Appends the bytes that `text` stands for. Missing padding is tolerated; white space and the URL-safe alphabet
    /// are not.
    /// - Returns: false, with `bytes` unchanged, when `text` is not base64.
    package static func decode(_ text: Span<UInt8>, to bytes: inout ByteBuffer) -> Bool {
        var count = text.count
        if count % 4 == 0, count > 0 {
            if text[count - 1] == UInt8(ascii: "=") { count -= 1 }
            if text[count - 1] == UInt8(ascii: "=") { count -= 1 }
        }
        guard count % 4 != 1 else { return false }
        let start = bytes.writerIndex
        var invalid: UInt8 = 0
        bytes.writeWithOutputRawSpan(minimumWritableBytes: count / 4 * 3 + 2) { output in
            invalid = self.decode(text, count: count, to: &output)
        }
        // A character outside the alphabet has bit 7 or 6 set in `values`.
        guard invalid & 0xc0 == 0 else {
            bytes.moveWriterIndex(to: start)
            return false
        }
        return true
    }

    /// - Returns: all the values seen, or-ed.
    private static func decode(_ text: Span<UInt8>, count: Int, to output: inout OutputRawSpan) -> UInt8 {
        let values = self.values.span
        var seen: UInt8 = 0
        var index = 0
        // Eight characters at a time, as six bytes in two stores.
        while index + 8 <= count {
            let first = self.group(text, index, values, &seen)
            let second = self.group(text, index + 4, values, &seen)
            output.append((first << 8 | second >> 16).bigEndian, as: UInt32.self)
            output.append(UInt16(truncatingIfNeeded: second).bigEndian, as: UInt16.self)
            index += 8
        }
        if index + 4 <= count {
            let group = self.group(text, index, values, &seen)
            output.append(UInt16(truncatingIfNeeded: group >> 8).bigEndian, as: UInt16.self)
            output.append(UInt8(truncatingIfNeeded: group))
            index += 4
        }
        guard index < count else { return seen }
        let (a, b) = (values[Int(text[index])], values[Int(text[index + 1])])
        seen |= a | b
        output.append(a << 2 | b >> 4)
        if count - index == 3 {
            let c = values[Int(text[index + 2])]
            seen |= c
            output.append(b << 4 | c >> 2)
        }
        return seen
    }

    /// The 24 bits of four characters.
    @inline(__always)
    private static func group(_ text: Span<UInt8>, _ at: Int, _ values: Span<UInt8>, _ seen: inout UInt8) -> UInt32 {
        let (a, b) = (values[Int(text[at])], values[Int(text[at + 1])])
        let (c, d) = (values[Int(text[at + 2])], values[Int(text[at + 3])])
        seen |= a | b | c | d
        // What is outside the alphabet gives nonsense here, which `seen` tells.
        return UInt32(a & 0x3f) << 18 | UInt32(b & 0x3f) << 12 | UInt32(c & 0x3f) << 6 | UInt32(d & 0x3f)
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// The two characters of each 12 bits, the first one in the low byte.
    private static let pairs: [UInt16] = (0..<4_096).map { bits in
        UInt16(alphabet[bits >> 6]) | UInt16(alphabet[bits & 0x3f]) << 8
    }

    /// The six bits of each character; 0xff for those outside the alphabet.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xff, count: 256)
        for (value, character) in alphabet.enumerated() {
            values[Int(character)] = UInt8(value)
        }
        return values
    }()
}

extension Base64 {
    /// - Returns: nil when `text` is not base64.
    package static func decode(_ text: ByteBuffer) -> ByteBuffer? {
        var bytes = ByteBuffer()
        return self.decode(text.readableBytesUInt8Span, to: &bytes) ? bytes : nil
    }
}
