import JSON
package import NIOCore
import TwilioMedia

/// A message that the other end of a two-way stream may send: one of exactly three shapes.
package enum StreamCommand: Sendable, Equatable {
    case media(ByteBuffer)
    case mark(String)
    case clear

    /// Why a message was not one, with Twilio's number for it.
    package struct Refusal: Error, Equatable {
        package var code: Int
        package var reason: String
    }

    /// Reads the text of one message to the stream `streamSid`.
    ///
    /// A missing or a surplus field, another type and a foreign stream are 31951; an unknown event, and what is not
    /// JSON at all, is 31924.
    package init(_ text: ByteBuffer, streamSid: String) throws(Refusal) {
        if let payload = PlainMediaMessage.payload(of: text, streamSid: streamSid) {
            self = .media(try Self.decode(payload))
            return
        }
        let object = try Self.object(text)
        guard let event = object["event"]?.stringValue else {
            throw Refusal(code: 31951, reason: "no event")
        }
        guard ["media", "mark", "clear"].contains(event) else {
            throw Refusal(code: 31924, reason: "unsupported event \(event.prefix(32))")
        }
        guard object["streamSid"]?.stringValue == streamSid else {
            throw Refusal(code: 31951, reason: "\(event): streamSid is not this stream's")
        }
        switch event {
        case "media":
            self = .media(try Self.decode(ByteBuffer(string: try Self.member("payload", of: object, event: event))))
        case "mark":
            self = .mark(try Self.member("name", of: object, event: event))
        default:
            try Self.check(object, has: ["event", "streamSid"], in: event)
            self = .clear
        }
    }

    private static func object(_ text: ByteBuffer) throws(Refusal) -> [String: JSONValue] {
        guard let value = try? JSONValue(parsing: text.readableBytesView) else {
            throw Refusal(code: 31924, reason: "not JSON")
        }
        guard let object = value.objectValue else { throw Refusal(code: 31951, reason: "not an object") }
        return object
    }

    private static func decode(_ payload: ByteBuffer) throws(Refusal) -> ByteBuffer {
        guard payload.readableBytes.isMultiple(of: 4), let audio = Base64.decode(payload) else {
            throw Refusal(code: 31951, reason: "media.payload is not base64")
        }
        return audio
    }

    /// The one field of the object that is named after its event.
    private static func member(
        _ name: String,
        of object: [String: JSONValue],
        event: String
    ) throws(Refusal) -> String {
        try self.check(object, has: ["event", "streamSid", event], in: event)
        guard let body = object[event]?.objectValue else {
            throw Refusal(code: 31951, reason: "\(event) is not an object")
        }
        try self.check(body, has: [name], in: event)
        guard let value = body[name]?.stringValue else {
            throw Refusal(code: 31951, reason: "\(event).\(name) is not a string")
        }
        return value
    }

    private static func check(
        _ object: [String: JSONValue],
        has names: Set<String>,
        in event: String
    ) throws(Refusal) {
        guard Set(object.keys) == names else {
            throw Refusal(code: 31951, reason: "\(event): wrong fields \(object.keys.sorted())")
        }
    }
}
