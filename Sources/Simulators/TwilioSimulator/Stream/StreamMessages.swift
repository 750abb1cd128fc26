import JSON
package import NIOCore
import TwilioMedia

/// Writes the messages from Twilio of one stream, numbering them.
///
/// Numbers travel as strings, as the real service sends them. The JSON is written by hand: a message each 20 ms for
/// each of many calls.
package struct StreamMessages: Sendable {
    package let streamSid: String
    private let accountSid: String
    private let callSid: String
    private let trailer: String
    private let silence: ByteBuffer
    private var sequence = 0
    private var chunk = 0

    package init(streamSid: String, accountSid: String, callSid: String) {
        self.streamSid = streamSid
        self.accountSid = accountSid
        self.callSid = callSid
        self.trailer = "\"},\"streamSid\":\"\(streamSid)\"}"
        var silence = ByteBuffer()
        Base64.encode(ByteBuffer(repeating: 0xFF, count: 160), to: &silence)
        self.silence = silence
    }

    package func connected() -> ByteBuffer {
        ByteBuffer(string: #"{"event":"connected","protocol":"Call","version":"1.0.0"}"#)
    }

    package mutating func start(customParameters: [(name: String, value: String)]) -> ByteBuffer {
        let parameters = JSONValue.object(
            Dictionary(customParameters.map { ($0.name, .string($0.value)) }, uniquingKeysWith: { _, last in last })
        )
        return ByteBuffer(
            string: """
                {"event":"start","sequenceNumber":"\(self.nextSequence())","start":{"accountSid":"\(self.accountSid)",\
                "streamSid":"\(self.streamSid)","callSid":"\(self.callSid)","tracks":["inbound"],\
                "mediaFormat":{"encoding":"audio/x-mulaw","sampleRate":8000,"channels":1},\
                "customParameters":\(parameters.text)},"streamSid":"\(self.streamSid)"}
                """
        )
    }

    /// - Parameter audio: one frame of mu-law; nil for 160 bytes of silence.
    package mutating func media(_ audio: ByteBuffer?, timestamp: Int) -> ByteBuffer {
        self.chunk += 1
        var buffer = ByteBuffer()
        buffer.reserveCapacity(400)
        buffer.writeStaticString(#"{"event":"media","sequenceNumber":""#)
        buffer.writeDecimal(self.nextSequence())
        buffer.writeStaticString(#"","media":{"track":"inbound","chunk":""#)
        buffer.writeDecimal(self.chunk)
        buffer.writeStaticString(#"","timestamp":""#)
        buffer.writeDecimal(timestamp)
        buffer.writeStaticString(#"","payload":""#)
        if let audio {
            Base64.encode(audio, to: &buffer)
        } else {
            buffer.writeImmutableBuffer(self.silence)
        }
        buffer.writeString(self.trailer)
        return buffer
    }

    package mutating func dtmf(_ digit: Character) -> ByteBuffer {
        ByteBuffer(
            string: """
                {"event":"dtmf","sequenceNumber":"\(self.nextSequence())","streamSid":"\(self.streamSid)",\
                "dtmf":{"track":"inbound_track","digit":"\(digit)"}}
                """
        )
    }

    package mutating func mark(_ name: String) -> ByteBuffer {
        ByteBuffer(
            string: """
                {"event":"mark","sequenceNumber":"\(self.nextSequence())","streamSid":"\(self.streamSid)",\
                "mark":{"name":\(JSONValue.string(name).text)}}
                """
        )
    }

    package mutating func stop() -> ByteBuffer {
        ByteBuffer(
            string: """
                {"event":"stop","sequenceNumber":"\(self.nextSequence())","streamSid":"\(self.streamSid)",\
                "stop":{"accountSid":"\(self.accountSid)","callSid":"\(self.callSid)"}}
                """
        )
    }

    private mutating func nextSequence() -> Int {
        self.sequence += 1
        return self.sequence
    }
}

extension ByteBuffer {
    /// Writes a number without making a string of it.
    fileprivate mutating func writeDecimal(_ number: Int) {
        var digits: (UInt64, UInt64, UInt32) = (0, 0, 0)
        withUnsafeMutableBytes(of: &digits) { scratch in
            var rest = number.magnitude
            var position = scratch.count
            repeat {
                position -= 1
                scratch[position] = UInt8(ascii: "0") + UInt8(rest % 10)
                rest /= 10
            } while rest > 0
            self.writeBytes(UnsafeRawBufferPointer(rebasing: scratch[position...]))
        }
    }
}
