import CallEvents
import JSON
package import NIOCore

extension MediaStreamEvent {
    /// Appends the message as Twilio writes it: numbers as strings, except in `mediaFormat`.
    /// - Parameter sequenceNumber: 1 for `start`, one more for each message; `connected` has none.
    package func write(to text: inout ByteBuffer, streamSid: String, sequenceNumber: UInt64) {
        guard self.eventName != "connected" else { return self.writeConnected(to: &text) }
        text.writeStaticString("{\"event\":")
        text.writeJSON(self.eventName)
        text.writeStaticString(",\"sequenceNumber\":\"")
        text.writeString(String(sequenceNumber))
        text.writeStaticString("\",")
        self.writeBody(to: &text)
        text.writeStaticString("\"streamSid\":")
        text.writeJSON(streamSid)
        text.writeStaticString("}")
    }

    private var eventName: String {
        switch self {
        case .connected: "connected"
        case .start: "start"
        case .media: "media"
        case .dtmf: "dtmf"
        case .mark: "mark"
        case .stop: "stop"
        case .other(let event): event
        }
    }

    private func writeConnected(to text: inout ByteBuffer) {
        guard case .connected(let protocolName, let version) = self else { return }
        text.writeStaticString("{\"event\":\"connected\",\"protocol\":")
        text.writeJSON(protocolName)
        text.writeStaticString(",\"version\":")
        text.writeJSON(version)
        text.writeStaticString("}")
    }

    /// The member named after the event, and a comma; nothing for `other`.
    private func writeBody(to text: inout ByteBuffer) {
        switch self {
        case .media(let media):
            text.reserveCapacity(minimumWritableBytes: Base64.encodedLength(of: media.payload.readableBytes) + 160)
            text.writeStaticString("\"media\":{\"track\":\"")
            text.writeString(media.track.rawValue)
            if let chunk = media.chunk {
                text.writeStaticString("\",\"chunk\":\"")
                text.writeString(String(chunk))
            }
            if let timestampMs = media.timestampMs {
                text.writeStaticString("\",\"timestamp\":\"")
                text.writeString(String(timestampMs))
            }
            text.writeStaticString("\",\"payload\":\"")
            Base64.encode(media.payload, to: &text)
            text.writeStaticString("\"},")
        case .start(let start):
            start.write(to: &text)
        case .dtmf(let digit):
            text.writeStaticString("\"dtmf\":{\"track\":\"inbound_track\",\"digit\":")
            text.writeJSON(digit)
            text.writeStaticString("},")
        case .mark(let name):
            text.writeStaticString("\"mark\":{\"name\":")
            text.writeJSON(name)
            text.writeStaticString("},")
        case .stop(let accountSid, let callSid):
            text.writeStaticString("\"stop\":{\"accountSid\":")
            text.writeJSON(accountSid)
            text.writeStaticString(",\"callSid\":")
            text.writeJSON(callSid)
            text.writeStaticString("},")
        case .connected, .other:
            break
        }
    }
}

extension MediaStreamEvent.Start {
    fileprivate func write(to text: inout ByteBuffer) {
        text.writeStaticString("\"start\":{\"accountSid\":")
        text.writeJSON(self.accountSid)
        text.writeStaticString(",\"streamSid\":")
        text.writeJSON(self.streamSid)
        text.writeStaticString(",\"callSid\":")
        text.writeJSON(self.callSid.rawValue)
        text.writeStaticString(",\"tracks\":[")
        for (index, track) in self.tracks.enumerated() {
            if index > 0 { text.writeStaticString(",") }
            text.writeJSON(track)
        }
        text.writeStaticString("],\"mediaFormat\":{\"encoding\":\"audio/x-mulaw\",\"sampleRate\":8000,\"channels\":1}")
        text.writeStaticString(",\"customParameters\":{")
        for (index, parameter) in self.customParameters.sorted(by: { $0.key < $1.key }).enumerated() {
            if index > 0 { text.writeStaticString(",") }
            text.writeJSON(parameter.key)
            text.writeStaticString(":")
            text.writeJSON(parameter.value)
        }
        text.writeStaticString("}},")
    }
}

extension ByteBuffer {
    /// Appends `value` as a JSON string.
    mutating func writeJSON(_ value: String) {
        self.writeInteger(UInt8(ascii: "\""))
        for byte in value.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                self.writeInteger(UInt8(ascii: "\\"))
                self.writeInteger(byte)
            case 0..<0x20:
                self.writeStaticString(byte < 0x10 ? "\\u000" : "\\u001")
                let digit = byte & 0x0f
                self.writeInteger(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "a") + digit - 10)
            default:
                self.writeInteger(byte)
            }
        }
        self.writeInteger(UInt8(ascii: "\""))
    }
}
