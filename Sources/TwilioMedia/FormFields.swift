/// One field of a form or of a query string, decoded.
package struct FormField: Sendable, Equatable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// The fields of `application/x-www-form-urlencoded` text in wire order; names may repeat.
package struct FormFields: Sendable, Equatable {
    package var fields: [FormField]

    package init(_ fields: [FormField] = []) {
        self.fields = fields
    }

    /// Reads a form body or the query of a URL. Any text has fields: a `%` that introduces no two hexadecimal digits
    /// stands for itself, and bytes that are not UTF-8 become U+FFFD.
    package init(parsing text: some Collection<UInt8>) {
        self.fields = text.split(separator: UInt8(ascii: "&")).map { pair in
            let equals = pair.firstIndex(of: UInt8(ascii: "=")) ?? pair.endIndex
            return FormField(
                Self.decode(pair[..<equals]),
                equals == pair.endIndex ? "" : Self.decode(pair[pair.index(after: equals)...])
            )
        }
    }

    package init(parsing text: String) {
        self.init(parsing: text.utf8)
    }

    /// The first value of `name`; names are compared byte by byte.
    package subscript(name: String) -> String? {
        self.fields.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }

    /// The form's text: a space is `+`, and all but `A-Z a-z 0-9 - . _ *` is percent-encoded.
    package var encoded: String {
        var text: [UInt8] = []
        for field in self.fields {
            if !text.isEmpty { text.append(UInt8(ascii: "&")) }
            Self.encode(field.name, to: &text)
            text.append(UInt8(ascii: "="))
            Self.encode(field.value, to: &text)
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static func decode(_ text: some Collection<UInt8>) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count)
        var index = text.startIndex
        while index != text.endIndex {
            let byte = text[index]
            index = text.index(after: index)
            switch byte {
            case UInt8(ascii: "+"):
                bytes.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                let digits = text[index...].prefix(2)
                if digits.count == 2, let high = digits.first.flatMap(hexValue),
                    let low = digits.dropFirst().first.flatMap(hexValue)
                {
                    bytes.append(high << 4 | low)
                    index = text.index(index, offsetBy: 2)
                } else {
                    bytes.append(byte)
                }
            default:
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func encode(_ text: String, to bytes: inout [UInt8]) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "*"):
                bytes.append(byte)
            case UInt8(ascii: " "):
                bytes.append(UInt8(ascii: "+"))
            default:
                bytes.append(UInt8(ascii: "%"))
                bytes.append(upperHexDigit(byte >> 4))
                bytes.append(upperHexDigit(byte & 0x0f))
            }
        }
    }
}

/// The value of a hexadecimal digit in either case.
func hexValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
}

/// - Parameter value: 0–15.
private func upperHexDigit(_ value: UInt8) -> UInt8 {
    value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
}
