/// A strict reader of the XML that TwiML needs: elements, attributes, text, CDATA, comments, the five named entities and
/// character references. It refuses document types, so that no entity can be declared.
package struct XMLReader {
    /// Deeper documents are refused; TwiML nests four levels.
    private static let maximumDepth = 32

    private let bytes: [UInt8]
    private var position = 0

    /// Reads a whole document.
    package static func read(_ text: [UInt8]) throws(XMLError) -> XMLElement {
        var bytes = text
        if bytes.starts(with: [0xEF, 0xBB, 0xBF]) { bytes.removeFirst(3) }
        guard String(validating: bytes, as: UTF8.self) != nil else { throw XMLError(reason: "not UTF-8", offset: 0) }
        var reader = XMLReader(bytes: bytes)
        return try reader.document()
    }

    private init(bytes: [UInt8]) { self.bytes = bytes }

    private mutating func document() throws(XMLError) -> XMLElement {
        if self.take("<?xml") {
            guard self.skip(through: "?>") else { throw self.error("XML declaration does not end") }
        }
        try self.miscellany()
        guard self.peek == UInt8(ascii: "<") else { throw self.error("no root element") }
        let root = try self.element(depth: 0)
        try self.miscellany()
        guard self.peek == nil else { throw self.error("content after the root element") }
        return root
    }

    /// White space, comments and processing instructions outside of the root.
    private mutating func miscellany() throws(XMLError) {
        while true {
            self.skipSpace()
            if self.take("<!--") {
                guard self.skip(through: "-->") else { throw self.error("comment does not end") }
            } else if self.take("<?") {
                guard self.skip(through: "?>") else { throw self.error("instruction does not end") }
            } else if self.starts(with: "<!") {
                throw self.error("document types are not allowed")
            } else {
                return
            }
        }
    }

    private mutating func element(depth: Int) throws(XMLError) -> XMLElement {
        guard depth < Self.maximumDepth else { throw self.error("nested too deeply") }
        guard self.take("<") else { throw self.error("expected an element") }
        var element = XMLElement(name: try self.name(), attributes: [], children: [], text: "")
        while true {
            let hadSpace = self.skipSpace()
            if self.take("/>") { return element }
            if self.take(">") { break }
            guard hadSpace else { throw self.error("expected white space in <\(element.name)>") }
            let name = try self.name()
            guard element[attribute: name] == nil else { throw self.error("attribute \(name) twice") }
            element.attributes.append((name, try self.attributeValue()))
        }
        try self.content(of: &element, depth: depth)
        return element
    }

    /// Everything up to and with the closing tag.
    private mutating func content(of element: inout XMLElement, depth: Int) throws(XMLError) {
        var text: [UInt8] = []
        while let next = self.peek {
            if self.take("</") {
                guard try self.name() == element.name else { throw self.error("<\(element.name)> is not closed") }
                self.skipSpace()
                guard self.take(">") else { throw self.error("closing tag does not end") }
                element.text = String(decoding: text, as: UTF8.self)
                return
            } else if self.take("<!--") {
                guard self.skip(through: "-->") else { throw self.error("comment does not end") }
            } else if self.take("<![CDATA[") {
                let start = self.position
                guard self.skip(through: "]]>") else { throw self.error("CDATA does not end") }
                text += self.bytes[start..<(self.position - 3)]
            } else if self.take("<?") {
                guard self.skip(through: "?>") else { throw self.error("instruction does not end") }
            } else if next == UInt8(ascii: "<") {
                element.children.append(try self.element(depth: depth + 1))
            } else if next == UInt8(ascii: "&") {
                text += try self.reference()
            } else {
                guard !self.starts(with: "]]>") else { throw self.error("]]> in text") }
                try self.checkCharacter(next)
                text.append(next)
                self.position += 1
            }
        }
        throw self.error("<\(element.name)> is not closed")
    }

    private mutating func attributeValue() throws(XMLError) -> String {
        self.skipSpace()
        guard self.take("=") else { throw self.error("attribute without a value") }
        self.skipSpace()
        guard let quote = self.peek, quote == UInt8(ascii: "\"") || quote == UInt8(ascii: "'") else {
            throw self.error("attribute value without quotes")
        }
        self.position += 1
        var value: [UInt8] = []
        while let next = self.peek {
            switch next {
            case quote:
                self.position += 1
                return String(decoding: value, as: UTF8.self)
            case UInt8(ascii: "<"):
                throw self.error("< in an attribute value")
            case UInt8(ascii: "&"):
                value += try self.reference()
            case 0x09, 0x0A, 0x0D:
                value.append(0x20)
                self.position += 1
            default:
                try self.checkCharacter(next)
                value.append(next)
                self.position += 1
            }
        }
        throw self.error("attribute value does not end")
    }

    private mutating func reference() throws(XMLError) -> [UInt8] {
        let start = self.position + 1
        guard let end = self.bytes[start...].prefix(12).firstIndex(of: UInt8(ascii: ";")) else {
            throw self.error("& that begins no reference")
        }
        let name = String(decoding: self.bytes[start..<end], as: UTF8.self)
        let named: [String: String] = ["amp": "&", "lt": "<", "gt": ">", "quot": "\"", "apos": "'"]
        var text = named[name]
        if text == nil, name.hasPrefix("#") {
            let isHex = name.hasPrefix("#x")
            let scalar = UInt32(name.dropFirst(isHex ? 2 : 1), radix: isHex ? 16 : 10).flatMap(Unicode.Scalar.init)
            if let scalar, scalar.value >= 0x20 || [9, 10, 13].contains(scalar.value) { text = String(scalar) }
        }
        guard let text else { throw self.error("unknown reference &\(name);") }
        self.position = end + 1
        return Array(text.utf8)
    }

    private mutating func name() throws(XMLError) -> String {
        let start = self.position
        while let byte = self.peek, Self.isNameByte(byte, first: self.position == start) { self.position += 1 }
        guard self.position > start else { throw self.error("expected a name") }
        return String(decoding: self.bytes[start..<self.position], as: UTF8.self)
    }

    private static func isNameByte(_ byte: UInt8, first: Bool) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"),
            UInt8(ascii: ":"), 0x80...0xFF:
            true
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."): !first
        default: false
        }
    }

    private var peek: UInt8? { self.position < self.bytes.count ? self.bytes[self.position] : nil }

    private func starts(with text: StaticString) -> Bool {
        text.withUTF8Buffer { self.bytes[self.position...].starts(with: $0) }
    }

    private mutating func take(_ text: StaticString) -> Bool {
        guard self.starts(with: text) else { return false }
        self.position += text.utf8CodeUnitCount
        return true
    }

    private mutating func skip(through text: StaticString) -> Bool {
        while self.position < self.bytes.count {
            if self.take(text) { return true }
            self.position += 1
        }
        return false
    }

    @discardableResult
    private mutating func skipSpace() -> Bool {
        let start = self.position
        while let byte = self.peek, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { self.position += 1 }
        return self.position > start
    }

    private func checkCharacter(_ byte: UInt8) throws(XMLError) {
        guard byte >= 0x20 || [9, 10, 13].contains(byte) else { throw self.error("control character") }
    }

    private func error(_ reason: String) -> XMLError { XMLError(reason: reason, offset: self.position) }
}
