import JSON
import NIOCore

/// A JSON value to be sent: members stay in the order in which the service writes them.
enum Wire: Sendable {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([Wire])
    case object([(String, Wire)])

    init(_ value: JSONValue) {
        self =
            switch value {
            case .null: .null
            case .bool(let value): .bool(value)
            case .integer(let value): .integer(value)
            case .number(let value): .number(value)
            case .string(let value): .string(value)
            case .array(let values): .array(values.map { Wire($0) })
            case .object(let members): .object(members.sorted { $0.key < $1.key }.map { ($0.key, Wire($0.value)) })
            }
    }

    init(_ value: JSONValue?) {
        self = value.map { Wire($0) } ?? .null
    }

    init(_ value: String?) {
        self = value.map { .string($0) } ?? .null
    }

    func write(to buffer: inout ByteBuffer) {
        switch self {
        case .null: buffer.writeStaticString("null")
        case .bool(let value): buffer.writeString(value ? "true" : "false")
        case .integer(let value): buffer.writeString(String(value))
        case .number(let value): buffer.writeString(String(value))
        case .string(let value): buffer.writeJSONString(value)
        case .array(let values):
            buffer.writeStaticString("[")
            for (index, value) in values.enumerated() {
                if index > 0 { buffer.writeStaticString(",") }
                value.write(to: &buffer)
            }
            buffer.writeStaticString("]")
        case .object(let members):
            buffer.writeStaticString("{")
            for (index, member) in members.enumerated() {
                if index > 0 { buffer.writeStaticString(",") }
                buffer.writeJSONString(member.0)
                buffer.writeStaticString(":")
                member.1.write(to: &buffer)
            }
            buffer.writeStaticString("}")
        }
    }
}

extension Wire: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByStringInterpolation,
    ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral, ExpressibleByNilLiteral
{
    init(dictionaryLiteral elements: (String, Wire)...) { self = .object(elements) }
    init(arrayLiteral elements: Wire...) { self = .array(elements) }
    init(stringLiteral value: String) { self = .string(value) }
    init(integerLiteral value: Int) { self = .integer(value) }
    init(booleanLiteral value: Bool) { self = .bool(value) }
    init(nilLiteral: ()) { self = .null }
}

extension ByteBuffer {
    /// Writes `text` in quotes, escaped where JSON demands it.
    mutating func writeJSONString(_ text: String) {
        var escaped = [UInt8(ascii: "\"")]
        escaped.reserveCapacity(text.utf8.count + 2)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): escaped += [UInt8(ascii: "\\"), byte]
            case UInt8(ascii: "\n"): escaped += "\\n".utf8
            case 0..<0x20: escaped += ((byte < 16 ? "\\u000" : "\\u00") + String(byte, radix: 16)).utf8
            default: escaped.append(byte)
            }
        }
        escaped.append(UInt8(ascii: "\""))
        self.writeBytes(escaped)
    }
}
