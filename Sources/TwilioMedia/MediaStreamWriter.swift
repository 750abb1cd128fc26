import JSON
package import NIOCore

/// Writes the messages to Twilio of one stream; what stays the same from message to message is made once.
package struct MediaStreamWriter: Sendable {
    private let mediaHead: ByteBuffer
    private let markHead: ByteBuffer
    /// The whole `clear` message.
    package let clear: ByteBuffer

    package init(streamSid: String) {
        var sid = ByteBuffer()
        sid.writeJSON(streamSid)
        self.mediaHead = ByteBuffer(string: "{\"event\":\"media\",\"streamSid\":")
            .appending(sid, ",\"media\":{\"payload\":\"")
        self.markHead = ByteBuffer(string: "{\"event\":\"mark\",\"streamSid\":").appending(sid, ",\"mark\":{\"name\":")
        self.clear = ByteBuffer(string: "{\"event\":\"clear\",\"streamSid\":").appending(sid, "}")
    }

    /// - Parameter payload: mu-law, 8 kHz.
    package func media(_ payload: ByteBuffer) -> ByteBuffer {
        var text = ByteBuffer()
        text.reserveCapacity(
            self.mediaHead.readableBytes + Base64.encodedLength(of: payload.readableBytes) + 3
        )
        text.writeImmutableBuffer(self.mediaHead)
        Base64.encode(payload, to: &text)
        text.writeStaticString("\"}}")
        return text
    }

    package func mark(_ name: String) -> ByteBuffer {
        var text = ByteBuffer()
        text.reserveCapacity(self.markHead.readableBytes + name.utf8.count + 4)
        text.writeImmutableBuffer(self.markHead)
        text.writeJSON(name)
        text.writeStaticString("}}")
        return text
    }

    package func message(_ command: MediaStreamCommand) -> ByteBuffer {
        switch command {
        case .media(let payload): self.media(payload)
        case .mark(let name): self.mark(name)
        case .clear: self.clear
        }
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
