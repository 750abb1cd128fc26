import CallEvents
import JSON
package import NIOCore

extension MediaStreamEvent {
    /// Reads a text message. Numbers may be strings, fields that are not listed are ignored, and an unknown event is
    /// `.other`. `media` is read in one pass over the bytes, its payload decoded where it stands.
    package init(parsing text: ByteBuffer) throws(MediaMessageError) {
        let scan: MediaEventScan
        do { scan = try MediaEventScan(text.readableBytesUInt8Span) } catch { throw MediaMessageError(.notJSON) }
        if scan.isMedia {
            self = .media(try scan.media(text))
        } else {
            self = try Self.parseSlowly(text)
        }
    }

    private static func parseSlowly(_ text: ByteBuffer) throws(MediaMessageError) -> MediaStreamEvent {
        guard let message = try? JSONValue(parsing: text.readableBytesView) else { throw MediaMessageError(.notJSON) }
        switch try message.requiredText("event", in: nil) {
        case "connected":
            return .connected(
                protocolName: message["protocol"]?.stringValue ?? "",
                version: message["version"]?.stringValue ?? ""
            )
        case "start":
            return .start(try Start(message))
        case "dtmf":
            return .dtmf(digit: try message.requiredObject("dtmf").requiredText("digit", in: "dtmf"))
        case "mark":
            return .mark(name: try message.requiredObject("mark").requiredText("name", in: "mark"))
        case "stop":
            let stop = message["stop"]
            return .stop(
                accountSid: stop?["accountSid"]?.stringValue ?? "",
                callSid: stop?["callSid"]?.stringValue ?? ""
            )
        case let event:
            return .other(event: event)
        }
    }
}

extension MediaStreamEvent.Start {
    fileprivate init(_ message: JSONValue) throws(MediaMessageError) {
        let start = try message.requiredObject("start")
        if let format = start["mediaFormat"] {
            guard format["encoding"]?.stringValue == "audio/x-mulaw", format["sampleRate"]?.wholeNumber == 8000,
                format["channels"]?.wholeNumber == 1
            else { throw MediaMessageError(.badField, field: "start.mediaFormat") }
        }
        guard let callSid = CallSid(try start.requiredText("callSid", in: "start")) else {
            throw MediaMessageError(.badField, field: "start.callSid")
        }
        let streamSid = start["streamSid"] ?? message["streamSid"]
        guard let streamSid = streamSid?.stringValue, !streamSid.isEmpty else {
            throw MediaMessageError(.missingField, field: "start.streamSid")
        }
        self.init(
            streamSid: streamSid,
            accountSid: start["accountSid"]?.stringValue ?? "",
            callSid: callSid,
            tracks: start["tracks"]?.arrayValue?.compactMap(\.stringValue) ?? [],
            customParameters: start["customParameters"]?.objectValue?.compactMapValues(\.stringValue) ?? [:]
        )
    }
}

extension JSONValue {
    fileprivate func requiredObject(_ name: String) throws(MediaMessageError) -> JSONValue {
        guard let value = self[name] else { throw MediaMessageError(.missingField, field: name) }
        guard value.objectValue != nil else { throw MediaMessageError(.badField, field: name) }
        return value
    }

    fileprivate func requiredText(_ name: String, in object: String?) throws(MediaMessageError) -> String {
        let path = object.map { "\($0).\(name)" } ?? name
        guard let value = self[name] else { throw MediaMessageError(.missingField, field: path) }
        guard let text = value.stringValue else { throw MediaMessageError(.badField, field: path) }
        return text
    }

    fileprivate var wholeNumber: Int? {
        self.intValue ?? self.stringValue.flatMap { Int($0) }
    }
}

/// One pass over a message from Twilio: which event it is, and where the fields of `media` lie.
private struct MediaEventScan {
    private(set) var isMedia = false
    private var track: JSONScanner.RawString?
    private var chunk: UInt64?
    private var timestampMs: UInt64?
    private var payload: JSONScanner.RawString?
    private var hasBody = false
    private var badField: String?

    init(_ text: Span<UInt8>) throws(JSONScanner.SyntaxError) {
        try JSONScanner.object(text) { (key, at) throws(JSONScanner.SyntaxError) in
            if JSONScanner.equals(key, "event", in: text), JSONScanner.isString(text, at) {
                let event = try JSONScanner.string(text, &at)
                self.isMedia = JSONScanner.equals(event, "media", in: text)
            } else if JSONScanner.equals(key, "media", in: text), JSONScanner.isObject(text, at) {
                self.hasBody = true
                try self.scanMedia(text, &at)
            } else {
                try JSONScanner.skipValue(text, &at)
            }
        }
    }

    private mutating func scanMedia(_ text: Span<UInt8>, _ at: inout Int) throws(JSONScanner.SyntaxError) {
        try JSONScanner.object(text, &at) { (key, at) throws(JSONScanner.SyntaxError) in
            if JSONScanner.equals(key, "payload", in: text) {
                self.payload = try self.text(of: "media.payload", text, &at)
            } else if JSONScanner.equals(key, "track", in: text) {
                self.track = try self.text(of: "media.track", text, &at)
            } else if JSONScanner.equals(key, "chunk", in: text) {
                self.chunk = try self.number(of: "media.chunk", text, &at)
            } else if JSONScanner.equals(key, "timestamp", in: text) {
                self.timestampMs = try self.number(of: "media.timestamp", text, &at)
            } else {
                try JSONScanner.skipValue(text, &at)
            }
        }
    }

    private mutating func text(
        of field: String,
        _ text: Span<UInt8>,
        _ at: inout Int
    ) throws(JSONScanner.SyntaxError) -> JSONScanner.RawString? {
        if JSONScanner.isString(text, at) { return try JSONScanner.string(text, &at) }
        self.badField = field
        try JSONScanner.skipValue(text, &at)
        return nil
    }

    private mutating func number(
        of field: String,
        _ text: Span<UInt8>,
        _ at: inout Int
    ) throws(JSONScanner.SyntaxError) -> UInt64? {
        let value = try JSONScanner.unsigned(text, &at)
        if value == nil { self.badField = field }
        return value
    }

    func media(_ message: ByteBuffer) throws(MediaMessageError) -> MediaStreamEvent.Media {
        if let field = self.badField { throw MediaMessageError(.badField, field: field) }
        guard self.hasBody else { throw MediaMessageError(.missingField, field: "media") }
        guard let payload = self.payload else { throw MediaMessageError(.missingField, field: "media.payload") }
        let text = message.readableBytesUInt8Span
        let isOutbound = self.track.map { JSONScanner.equals($0, "outbound", in: text) } ?? false
        return MediaStreamEvent.Media(
            track: isOutbound ? .outbound : .inbound,
            chunk: self.chunk,
            timestampMs: self.timestampMs,
            payload: try payload.audio(in: text)
        )
    }
}
