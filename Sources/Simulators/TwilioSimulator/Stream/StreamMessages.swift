package import CallEvents
import JSON
package import NIOCore
import TwilioMedia

/// Numbers and writes the messages from Twilio of one stream.
package struct StreamMessages: Sendable {
    package let streamSid: String
    private let accountSid: String
    private let callSid: CallSid
    /// Base64 of 160 bytes of silence.
    private let silence: ByteBuffer
    /// What every `media` message ends with.
    private let mediaTail: ByteBuffer
    private var sequence: UInt64 = 0
    private var chunk: UInt64 = 0

    package init(streamSid: String, accountSid: String, callSid: CallSid) {
        self.streamSid = streamSid
        self.accountSid = accountSid
        self.callSid = callSid
        var silence = ByteBuffer()
        Base64.encode(ByteBuffer(repeating: 0xFF, count: 160), to: &silence)
        self.silence = silence
        self.mediaTail = ByteBuffer(string: "\"},\"streamSid\":\"\(streamSid)\"}")
    }

    package mutating func connected() -> ByteBuffer {
        self.write(.connected(protocolName: "Call", version: "1.0.0"), sequence: 0)
    }

    package mutating func start(customParameters: [String: String]) -> ByteBuffer {
        self.next(
            .start(
                MediaStreamEvent.Start(
                    streamSid: self.streamSid,
                    accountSid: self.accountSid,
                    callSid: self.callSid,
                    customParameters: customParameters
                )
            )
        )
    }

    /// The message of which there are fifty a second, written by hand: what stays the same is made once.
    /// - Parameter audio: one frame of mu-law; nil for 160 bytes of silence.
    package mutating func media(_ audio: ByteBuffer?, timestamp: Int) -> ByteBuffer {
        self.chunk += 1
        self.sequence += 1
        var text = ByteBuffer()
        let payload = audio.map { Base64.encodedLength(of: $0.readableBytes) } ?? self.silence.readableBytes
        text.reserveCapacity(payload + self.mediaTail.readableBytes + 160)
        text.writeStaticString("{\"event\":\"media\",\"sequenceNumber\":\"")
        text.writeString(String(self.sequence))
        text.writeStaticString("\",\"media\":{\"track\":\"inbound\",\"chunk\":\"")
        text.writeString(String(self.chunk))
        text.writeStaticString("\",\"timestamp\":\"")
        text.writeString(String(timestamp))
        text.writeStaticString("\",\"payload\":\"")
        if let audio { Base64.encode(audio, to: &text) } else { text.writeImmutableBuffer(self.silence) }
        text.writeImmutableBuffer(self.mediaTail)
        return text
    }

    package mutating func dtmf(_ digit: Character) -> ByteBuffer { self.next(.dtmf(digit: String(digit))) }

    package mutating func mark(_ name: String) -> ByteBuffer { self.next(.mark(name: name)) }

    package mutating func stop() -> ByteBuffer {
        self.next(.stop(accountSid: self.accountSid, callSid: self.callSid.rawValue))
    }

    private mutating func next(_ event: MediaStreamEvent) -> ByteBuffer {
        self.sequence += 1
        return self.write(event, sequence: self.sequence)
    }

    private func write(_ event: MediaStreamEvent, sequence: UInt64) -> ByteBuffer {
        var text = ByteBuffer()
        event.write(to: &text, streamSid: self.streamSid, sequenceNumber: sequence)
        return text
    }
}

/// Twilio's number for a message that it does not take, or takes with a warning.
extension MediaMessageError {
    var twilioCode: Int { self.code == .unknownEvent ? 31924 : 31951 }
}
