import CallEvents
import JSON
package import NIOCore

extension MediaStreamEvent {
    /// Reads a text message. Numbers may be strings, fields that are not listed are ignored, and an unknown event is
    /// `.other`.
    package init(parsing text: ByteBuffer) throws(MediaMessageError) {
        var audio = ByteBuffer()
        try self.init(parsing: text, audio: &audio)
    }

    /// Reads a text message. `media` and `mark`, of which there are many, are read in one pass over the bytes.
    /// - Parameter audio: where a payload is decoded to: its memory is used again once nobody holds the payload of the
    ///   message before.
    package init(parsing text: ByteBuffer, audio: inout ByteBuffer) throws(MediaMessageError) {
        let scan: MediaEventScan
        do { scan = try MediaEventScan(text.readableBytesUInt8Span) } catch { throw MediaMessageError(.notJSON) }
        switch scan.event {
        case .media: self = .media(try scan.media(text, audio: &audio))
        case .mark: self = .mark(name: try scan.markName(text))
        case .other: self = try Self.parseSlowly(text)
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
            let digit = try message.requiredObject("dtmf").requiredText("digit", in: "dtmf")
            guard Self.digits.contains(digit) else { throw MediaMessageError(.badField, field: "dtmf.digit") }
            return .dtmf(digit: digit)
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

    private static let digits = Set("0123456789*#ABCD".map(String.init))
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

/// One pass over a message from Twilio: which event it is, and where the fields of `media` and `mark` lie.
private struct MediaEventScan {
    enum Event {
        case media
        case mark
        case other
    }

    private(set) var event = Event.other
    private var track: JSONScanner.RawString?
    private var chunk: UInt64?
    private var timestampMs: UInt64?
    private var payload: JSONScanner.RawString?
    private var name: JSONScanner.RawString?
    private var hasMedia = false
    private var hasMark = false
    private var badMediaField: String?
    private var badMarkField: String?

    init(_ text: Span<UInt8>) throws(JSONScanner.SyntaxError) {
        try JSONScanner.object(text) { (key, at) throws(JSONScanner.SyntaxError) in
            if JSONScanner.equals(key, "event", in: text), JSONScanner.isString(text, at) {
                let event = try JSONScanner.string(text, &at)
                if JSONScanner.equals(event, "media", in: text) {
                    self.event = .media
                } else {
                    self.event = JSONScanner.equals(event, "mark", in: text) ? .mark : .other
                }
            } else if JSONScanner.equals(key, "media", in: text), JSONScanner.isObject(text, at) {
                self.hasMedia = true
                try self.scanMedia(text, &at)
            } else if JSONScanner.equals(key, "mark", in: text) {
                try self.scanMark(text, &at)
            } else {
                try JSONScanner.skipValue(text, &at)
            }
        }
    }

    private mutating func scanMedia(_ text: Span<UInt8>, _ at: inout Int) throws(JSONScanner.SyntaxError) {
        try JSONScanner.object(text, &at) { (key, at) throws(JSONScanner.SyntaxError) in
            if JSONScanner.equals(key, "payload", in: text) {
                self.payload = try Self.text(of: "media.payload", text, &at, bad: &self.badMediaField)
            } else if JSONScanner.equals(key, "track", in: text) {
                self.track = try Self.text(of: "media.track", text, &at, bad: &self.badMediaField)
            } else if JSONScanner.equals(key, "chunk", in: text) {
                self.chunk = try self.number(of: "media.chunk", text, &at)
            } else if JSONScanner.equals(key, "timestamp", in: text) {
                self.timestampMs = try self.number(of: "media.timestamp", text, &at)
            } else {
                try JSONScanner.skipValue(text, &at)
            }
        }
    }

    private mutating func scanMark(_ text: Span<UInt8>, _ at: inout Int) throws(JSONScanner.SyntaxError) {
        self.hasMark = true
        guard JSONScanner.isObject(text, at) else {
            self.badMarkField = "mark"
            return try JSONScanner.skipValue(text, &at)
        }
        try JSONScanner.object(text, &at) { (key, at) throws(JSONScanner.SyntaxError) in
            if JSONScanner.equals(key, "name", in: text) {
                self.name = try Self.text(of: "mark.name", text, &at, bad: &self.badMarkField)
            } else {
                try JSONScanner.skipValue(text, &at)
            }
        }
    }

    private static func text(
        of field: String,
        _ text: Span<UInt8>,
        _ at: inout Int,
        bad: inout String?
    ) throws(JSONScanner.SyntaxError) -> JSONScanner.RawString? {
        if JSONScanner.isString(text, at) { return try JSONScanner.string(text, &at) }
        bad = field
        try JSONScanner.skipValue(text, &at)
        return nil
    }

    private mutating func number(
        of field: String,
        _ text: Span<UInt8>,
        _ at: inout Int
    ) throws(JSONScanner.SyntaxError) -> UInt64? {
        let value = try JSONScanner.unsigned(text, &at)
        if value == nil { self.badMediaField = field }
        return value
    }

    func media(_ message: ByteBuffer, audio: inout ByteBuffer) throws(MediaMessageError) -> MediaStreamEvent.Media {
        if let field = self.badMediaField { throw MediaMessageError(.badField, field: field) }
        guard self.hasMedia else { throw MediaMessageError(.missingField, field: "media") }
        guard let payload = self.payload else { throw MediaMessageError(.missingField, field: "media.payload") }
        let text = message.readableBytesUInt8Span
        let isOutbound = self.track.map { JSONScanner.equals($0, "outbound", in: text) } ?? false
        audio.clear()
        guard JSONScanner.base64(payload, in: text, to: &audio) else {
            throw MediaMessageError(.badBase64, field: "media.payload")
        }
        return MediaStreamEvent.Media(
            track: isOutbound ? .outbound : .inbound,
            chunk: self.chunk,
            timestampMs: self.timestampMs,
            payload: audio
        )
    }

    func markName(_ message: ByteBuffer) throws(MediaMessageError) -> String {
        if let field = self.badMarkField { throw MediaMessageError(.badField, field: field) }
        guard self.hasMark else { throw MediaMessageError(.missingField, field: "mark") }
        guard let name = self.name else { throw MediaMessageError(.missingField, field: "mark.name") }
        guard let text = JSONScanner.value(of: name, in: message.readableBytesUInt8Span) else {
            throw MediaMessageError(.badField, field: "mark.name")
        }
        return text
    }
}
