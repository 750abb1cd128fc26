import JSON
package import NIOCore

/// Writes the messages to Twilio of one stream; what stays the same from message to message is made once.
package struct MediaStreamWriter: Sendable {
    private let mediaHead: ByteBuffer
    private let markHead: ByteBuffer
    /// The whole `clear` message.
    private let clear: ByteBuffer

    package init(streamSid: String) {
        var sid = ByteBuffer()
        sid.writeJSON(streamSid)
        self.mediaHead = ByteBuffer(string: "{\"event\":\"media\",\"streamSid\":")
            .appending(sid, ",\"media\":{\"payload\":\"")
        self.markHead = ByteBuffer(string: "{\"event\":\"mark\",\"streamSid\":").appending(sid, ",\"mark\":{\"name\":")
        self.clear = ByteBuffer(string: "{\"event\":\"clear\",\"streamSid\":").appending(sid, "}")
    }

    /// Appends a message's text.
    package func write(_ command: MediaStreamCommand, to text: inout ByteBuffer) {
        switch command {
        case .media(let payload):
            text.reserveCapacity(
                minimumWritableBytes: self.mediaHead.readableBytes
                    + Base64.encodedLength(of: payload.readableBytes) + 3
            )
            text.writeImmutableBuffer(self.mediaHead)
            Base64.encode(payload, to: &text)
            text.writeStaticString("\"}}")
        case .mark(let name):
            text.reserveCapacity(minimumWritableBytes: self.markHead.readableBytes + name.utf8.count + 4)
            text.writeImmutableBuffer(self.markHead)
            text.writeJSON(name)
            text.writeStaticString("}}")
        case .clear:
            text.writeImmutableBuffer(self.clear)
        }
    }

    package func message(_ command: MediaStreamCommand) -> ByteBuffer {
        var text = ByteBuffer()
        self.write(command, to: &text)
        return text
    }
}

extension ByteBuffer {
    fileprivate func appending(_ middle: ByteBuffer, _ tail: StaticString) -> ByteBuffer {
        var text = self
        text.writeImmutableBuffer(middle)
        text.writeStaticString(tail)
        return text
    }
}
