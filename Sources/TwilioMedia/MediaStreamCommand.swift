import JSON
package import NIOCore

/// A Media Streams message to Twilio; there are exactly these three.
package enum MediaStreamCommand: Sendable, Equatable {
    /// Mu-law, 8 kHz, no header; any length. Twilio plays it in order of arrival.
    case media(payload: ByteBuffer)
    /// Asks for a `mark` event of the same name when everything before it was played.
    case mark(name: String)
    /// Drops what is not played yet; every outstanding mark then returns at once.
    case clear
}

extension MediaStreamCommand {
    /// Reads a message as strictly as Twilio does: a missing or extra field, an unknown event or another stream's
    /// `streamSid` is an error.
    package init(parsing text: ByteBuffer, streamSid: String) throws(MediaMessageError) {
        let scan: CommandScan
        do { scan = try CommandScan(text.readableBytesUInt8Span) } catch { throw MediaMessageError(.notJSON) }
        self = try scan.command(text, streamSid: streamSid)
    }
}

/// One pass over a message to Twilio.
private struct CommandScan {
    private var event: JSONScanner.RawString?
    private var streamSid: JSONScanner.RawString?
    /// The one field of the member `media` or `mark`.
    private var mediaPayload: JSONScanner.RawString?
    private var markName: JSONScanner.RawString?
    private var unexpected: String?

    init(_ text: Span<UInt8>) throws(JSONScanner.SyntaxError) {
        try JSONScanner.object(text) { (key, at) throws(JSONScanner.SyntaxError) in
            if JSONScanner.equals(key, "event", in: text), JSONScanner.isString(text, at) {
                self.event = try JSONScanner.string(text, &at)
            } else if JSONScanner.equals(key, "streamSid", in: text), JSONScanner.isString(text, at) {
                self.streamSid = try JSONScanner.string(text, &at)
            } else if JSONScanner.equals(key, "media", in: text) {
                self.mediaPayload = try self.onlyText("payload", of: "media", text, &at)
            } else if JSONScanner.equals(key, "mark", in: text) {
                self.markName = try self.onlyText("name", of: "mark", text, &at)
            } else {
                self.unexpected = String(decoding: key.range.map { text[$0] }, as: UTF8.self)
                try JSONScanner.skipValue(text, &at)
            }
        }
    }

    /// The string `name` of the object at `at`, which has no other member.
    private mutating func onlyText(
        _ name: StaticString,
        of object: String,
        _ text: Span<UInt8>,
        _ at: inout Int
    ) throws(JSONScanner.SyntaxError) -> JSONScanner.RawString? {
        guard JSONScanner.isObject(text, at) else {
            try JSONScanner.skipValue(text, &at)
            return nil
        }
        var value: JSONScanner.RawString?
        try JSONScanner.object(text, &at) { (key, at) throws(JSONScanner.SyntaxError) in
            if JSONScanner.equals(key, name, in: text), JSONScanner.isString(text, at) {
                value = try JSONScanner.string(text, &at)
            } else {
                self.unexpected = "\(object).\(String(decoding: key.range.map { text[$0] }, as: UTF8.self))"
                try JSONScanner.skipValue(text, &at)
            }
        }
        return value
    }

    func command(_ message: ByteBuffer, streamSid: String) throws(MediaMessageError) -> MediaStreamCommand {
        let text = message.readableBytesUInt8Span
        guard let event = self.event else { throw MediaMessageError(.missingField, field: "event") }
        if let field = self.unexpected { throw MediaMessageError(.unexpectedField, field: field) }
        guard let given = self.streamSid else { throw MediaMessageError(.missingField, field: "streamSid") }
        guard try Self.text(given, field: "streamSid", in: text) == streamSid else {
            throw MediaMessageError(.foreignStream, field: "streamSid")
        }
        if JSONScanner.equals(event, "media", in: text) {
            guard let payload = self.mediaPayload else {
                throw MediaMessageError(.missingField, field: "media.payload")
            }
            if self.markName != nil { throw MediaMessageError(.unexpectedField, field: "mark") }
            return .media(payload: try payload.audio(in: text))
        }
        if self.mediaPayload != nil { throw MediaMessageError(.unexpectedField, field: "media") }
        if JSONScanner.equals(event, "mark", in: text) {
            guard let name = self.markName else { throw MediaMessageError(.missingField, field: "mark.name") }
            return .mark(name: try Self.text(name, field: "mark.name", in: text))
        }
        if self.markName != nil { throw MediaMessageError(.unexpectedField, field: "mark") }
        guard JSONScanner.equals(event, "clear", in: text) else {
            throw MediaMessageError(.unknownEvent, field: "event")
        }
        return .clear
    }

    private static func text(
        _ string: JSONScanner.RawString,
        field: String,
        in text: Span<UInt8>
    ) throws(MediaMessageError) -> String {
        guard let value = JSONScanner.value(of: string, in: text) else {
            throw MediaMessageError(.badField, field: field)
        }
        return value
    }
}

extension JSONScanner.RawString {
    /// The bytes of `media.payload`.
    func audio(in text: Span<UInt8>) throws(MediaMessageError) -> ByteBuffer {
        guard let bytes = JSONScanner.base64(self, in: text) else {
            throw MediaMessageError(.badBase64, field: "media.payload")
        }
        return bytes
    }
}
