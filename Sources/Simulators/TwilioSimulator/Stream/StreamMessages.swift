package import CallEvents
package import NIOCore
import TwilioMedia

/// Numbers and writes the messages from Twilio of one stream.
package struct StreamMessages: Sendable {
    package let streamSid: String
    private let accountSid: String
    private let callSid: CallSid
    private let silence = ByteBuffer(repeating: 0xFF, count: 160)
    private var sequence: UInt64 = 0
    private var chunk: UInt64 = 0

    package init(streamSid: String, accountSid: String, callSid: CallSid) {
        self.streamSid = streamSid
        self.accountSid = accountSid
        self.callSid = callSid
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

    /// - Parameter audio: one frame of mu-law; nil for 160 bytes of silence.
    package mutating func media(_ audio: ByteBuffer?, timestamp: Int) -> ByteBuffer {
        self.chunk += 1
        return self.next(
            .media(
                MediaStreamEvent.Media(
                    chunk: self.chunk,
                    timestampMs: UInt64(timestamp),
                    payload: audio ?? self.silence
                )
            )
        )
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
