package import NIOCore

/// RFC 4648 base64 straight between byte buffers: no `String`, no `Data`.
package enum Base64 {
    /// Characters that `count` bytes become, padding included.
    package static func encodedCount(_ count: Int) -> Int { (count + 2) / 3 * 4 }

    /// Appends the base64 text of `bytes`.
    package static func encode(_ bytes: ByteBuffer, into text: inout ByteBuffer) {
        let count = self.encodedCount(bytes.readableBytes)
        text.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { out in
            bytes.withUnsafeReadableBytes { self.encode($0, into: out) }
            return count
        }
    }

    /// Appends the bytes that `text` stands for. Padding may be left out; nothing else is forgiven.
    /// - Returns: false when `text` is not base64; `bytes` is then unchanged.
    package static func decode(_ text: ByteBufferView, into bytes: inout ByteBuffer) -> Bool {
        let limit = text.count / 4 * 3 + 3
        var decoded: Int?
        bytes.writeWithUnsafeMutableBytes(minimumWritableBytes: limit) { out in
            decoded = text.withUnsafeBytes { self.decode($0, into: out) }
            return decoded ?? 0
        }
        return decoded != nil
    }

    private static let alphabet: [UInt8] = Array(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8
    )
    private static let padding = UInt8(ascii: "=")
    private static let invalid: UInt8 = 0xff

    /// The six bits of each character; `invalid` for all others.
    private static let bits: [UInt8] = {
        var bits = [UInt8](repeating: Self.invalid, count: 256)
        for (value, character) in Self.alphabet.enumerated() { bits[Int(character)] = UInt8(value) }
        return bits
    }()

    private static func encode(_ input: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer) {
        self.alphabet.withUnsafeBufferPointer { alphabet in
            var from = 0
            var to = 0
            while from + 3 <= input.count {
                let group = UInt32(input[from]) << 16 | UInt32(input[from + 1]) << 8 | UInt32(input[from + 2])
                out[to] = alphabet[Int(group >> 18)]
                out[to + 1] = alphabet[Int(group >> 12 & 63)]
                out[to + 2] = alphabet[Int(group >> 6 & 63)]
                out[to + 3] = alphabet[Int(group & 63)]
                from += 3
                to += 4
            }
            let rest = input.count - from
            guard rest > 0 else { return }
            let group = UInt32(input[from]) << 16 | (rest == 2 ? UInt32(input[from + 1]) << 8 : 0)
            out[to] = alphabet[Int(group >> 18)]
            out[to + 1] = alphabet[Int(group >> 12 & 63)]
            out[to + 2] = rest == 2 ? alphabet[Int(group >> 6 & 63)] : self.padding
            out[to + 3] = self.padding
        }
    }

    /// - Returns: how many bytes were written, or nil.
    private static func decode(_ input: UnsafeRawBufferPointer, into out: UnsafeMutableRawBufferPointer) -> Int? {
        var count = input.count
        if count > 0, count % 4 == 0 {
            if input[count - 1] == self.padding { count -= 1 }
            if input[count - 1] == self.padding { count -= 1 }
        }
        guard count % 4 != 1 else { return nil }
        return self.bits.withUnsafeBufferPointer { bits in
            var from = 0
            var to = 0
            while from + 4 <= count {
                let (a, b) = (bits[Int(input[from])], bits[Int(input[from + 1])])
                let (c, d) = (bits[Int(input[from + 2])], bits[Int(input[from + 3])])
                guard a | b | c | d < 64 else { return nil }
                out[to] = a << 2 | b >> 4
                out[to + 1] = b << 4 | c >> 2
                out[to + 2] = c << 6 | d
                from += 4
                to += 3
            }
            let rest = count - from
            guard rest > 0 else { return to }
            let (a, b) = (bits[Int(input[from])], bits[Int(input[from + 1])])
            let c = rest == 3 ? bits[Int(input[from + 2])] : 0
            guard a | b | c < 64 else { return nil }
            out[to] = a << 2 | b >> 4
            guard rest == 3 else { return to + 1 }
            out[to + 1] = b << 4 | c >> 2
            return to + 2
        }
    }
}
