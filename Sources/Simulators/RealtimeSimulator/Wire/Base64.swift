/// RFC 4648 base64 with padding, strict.
enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let padding = UInt8(ascii: "=")

    /// The value of each character; 0xff for all that are none.
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 0xff, count: 256)
        for (value, character) in Self.alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    /// - Returns: nil when `text` is not base64 of whole bytes.
    static func decode(_ text: UnsafeRawBufferPointer) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        guard text.count > 0 else { return [] }
        let padded = text[text.count - 1] != Self.padding ? 0 : text[text.count - 2] != Self.padding ? 1 : 2
        let count = text.count / 4 * 3 - padded
        var isValid = true
        let bytes = [UInt8](unsafeUninitializedCapacity: text.count / 4 * 3) { output, initialized in
            Self.values.withUnsafeBufferPointer { values in
                var place = 0
                for start in stride(from: 0, to: text.count, by: 4) {
                    let last = start + 4 == text.count
                    var bits: UInt32 = 0
                    for index in 0..<4 {
                        let isPadding = last && index >= 4 - padded
                        let value = isPadding ? 0 : values[Int(text[start + index])]
                        if value == 0xff { isValid = false }
                        bits = bits << 6 | UInt32(value & 0x3f)
                    }
                    output[place] = UInt8(truncatingIfNeeded: bits >> 16)
                    output[place + 1] = UInt8(truncatingIfNeeded: bits >> 8)
                    output[place + 2] = UInt8(truncatingIfNeeded: bits)
                    place += 3
                }
            }
            initialized = count
        }
        return isValid ? bytes : nil
    }

    static func decode(_ text: String) -> [UInt8]? {
        var text = text
        return text.withUTF8 { Self.decode(UnsafeRawBufferPointer($0)) }
    }

    static func encode(_ bytes: some Collection<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var bits: UInt32 = 0
        var held = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            held += 1
            if held == 3 {
                for shift in [18, 12, 6, 0] as [UInt32] { text.append(Self.alphabet[Int(bits >> shift & 0x3f)]) }
                (bits, held) = (0, 0)
            }
        }
        switch held {
        case 1:
            text += [Self.alphabet[Int(bits >> 2)], Self.alphabet[Int(bits << 4 & 0x3f)], Self.padding, Self.padding]
        case 2:
            text += [
                Self.alphabet[Int(bits >> 10)], Self.alphabet[Int(bits >> 4 & 0x3f)],
                Self.alphabet[Int(bits << 2 & 0x3f)], Self.padding,
            ]
        default: break
        }
        return text
    }
}
