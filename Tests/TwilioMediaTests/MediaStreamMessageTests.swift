import CallEvents
import JSON
import NIOCore
import SeededRandom
import Testing
import TwilioMedia

private let streamSid = "MZ0123456789abcdef0123456789abcdef"

@Suite struct MediaStreamEventTests {
    private static func messages(from side: String) throws -> [JSONValue] {
        try Fixtures.lines("twilio_media_stream.jsonl").map { try JSONValue(parsing: $0) }
            .filter { $0["from"]?.stringValue == side }
            .compactMap { $0["message"] }
    }

    @Test func `reads a whole session from Twilio`() throws {
        let messages = try Self.messages(from: "twilio")
        let events = try messages.map { try MediaStreamEvent(parsing: ByteBuffer(string: $0.text)) }
        #expect(events.first == .connected(protocolName: "Call", version: "1.0.0"))
        guard case .start(let start) = events[1] else { throw MediaMessageError(.missingField, field: "start") }
        #expect(start.streamSid == streamSid)
        #expect(start.callSid.rawValue == "CA0123456789abcdef0123456789abcdef")
        #expect(start.tracks == ["inbound"])
        #expect(start.customParameters["note"] == "Grüße & <ok>")
        let media = events.compactMap { if case .media(let media) = $0 { media } else { nil } }
        #expect(media.map(\.chunk) == (1...30).map { UInt64($0) })
        #expect(media.allSatisfy { $0.payload.readableBytes == 160 && $0.track == .inbound })
        #expect(media.first?.timestampMs == 62)
        #expect(media.first?.payload == ByteBuffer(repeating: 0xff, count: 160))
        #expect(events.contains(.dtmf(digit: "5")) && events.contains(.dtmf(digit: "#")))
        #expect(events.contains(.mark(name: "resp_R2:800:1600")))
        #expect(
            events.last
                == .stop(
                    accountSid: "ACfedcba9876543210fedcba9876543210",
                    callSid: "CA0123456789abcdef0123456789abcdef"
                )
        )
    }

    @Test func `writes what Twilio writes`() throws {
        for message in try Self.messages(from: "twilio") {
            let event = try MediaStreamEvent(parsing: ByteBuffer(string: message.text))
            var text = ByteBuffer()
            let number = message["sequenceNumber"]?.stringValue.flatMap { UInt64($0) } ?? 0
            event.write(to: &text, streamSid: streamSid, sequenceNumber: number)
            #expect(try JSONValue(parsing: text.readableBytesView) == message)
        }
    }

    @Test func `reads and writes a whole session to Twilio`() throws {
        let messages = try Self.messages(from: "server")
        #expect(messages.count == 12)
        let writer = MediaStreamWriter(streamSid: streamSid)
        for message in messages {
            let command = try MediaStreamCommand(parsing: ByteBuffer(string: message.text), streamSid: streamSid)
            #expect(try JSONValue(parsing: writer.message(command).readableBytesView) == message)
        }
    }

    @Test(arguments: [
        #"{"event":"media","media":{"chunk":7,"timestamp":140,"payload":"/w==","track":"inbound"},"sequenceNumber":8}"#,
        #"{"media":{"payload":"\/w==","timestamp":"140","chunk":"7","new":[{"a":"}"},-1.5e3,null]},"x":"\"","event":"media"}"#,
        " {\n\t\"event\" : \"media\" , \"media\" : { \"payload\" : \"/w\" , \"chunk\" : 7 , \"timestamp\" : \"140\" } } ",
    ])
    func `reads media however it is written`(_ text: String) throws {
        let media = MediaStreamEvent.Media(chunk: 7, timestampMs: 140, payload: ByteBuffer(bytes: [0xff]))
        #expect(try MediaStreamEvent(parsing: ByteBuffer(string: text)) == .media(media))
    }

    @Test func `an unknown event and a missing clock are no errors`() throws {
        #expect(try MediaStreamEvent(parsing: ByteBuffer(string: #"{"event":"news"}"#)) == .other(event: "news"))
        let media = MediaStreamEvent.Media(track: .outbound, chunk: nil, timestampMs: nil, payload: ByteBuffer())
        let text = #"{"event":"media","media":{"payload":"","track":"outbound"}}"#
        #expect(try MediaStreamEvent(parsing: ByteBuffer(string: text)) == .media(media))
    }

    @Test(arguments: [
        ("", MediaMessageError(.notJSON)),
        ("garbage", MediaMessageError(.notJSON)),
        ("[]", MediaMessageError(.notJSON)),
        (#"{"event":"media""#, MediaMessageError(.notJSON)),
        (#"{"event":"media","media":{"payload":"/w=="}}}"#, MediaMessageError(.notJSON)),
        (#"{"event":"media","media":{"payload":"/w==\"#, MediaMessageError(.notJSON)),
        ("{}", MediaMessageError(.missingField, field: "event")),
        (#"{"event":5}"#, MediaMessageError(.badField, field: "event")),
        (#"{"event":"media"}"#, MediaMessageError(.missingField, field: "media")),
        (#"{"event":"media","media":{}}"#, MediaMessageError(.missingField, field: "media.payload")),
        (#"{"event":"media","media":{"payload":1}}"#, MediaMessageError(.badField, field: "media.payload")),
        (#"{"event":"media","media":{"payload":"!!!!"}}"#, MediaMessageError(.badBase64, field: "media.payload")),
        (#"{"event":"media","media":{"payload":"////A"}}"#, MediaMessageError(.badBase64, field: "media.payload")),
        (
            #"{"event":"media","media":{"payload":"","chunk":-1}}"#,
            MediaMessageError(.badField, field: "media.chunk")
        ),
        (
            #"{"event":"media","media":{"payload":"","timestamp":"99999999999999999999"}}"#,
            MediaMessageError(.badField, field: "media.timestamp")
        ),
        (#"{"event":"start"}"#, MediaMessageError(.missingField, field: "start")),
        (#"{"event":"start","start":{"streamSid":"MZ1"}}"#, MediaMessageError(.missingField, field: "start.callSid")),
        (
            #"{"event":"start","start":{"streamSid":"MZ1","callSid":"CA1"}}"#,
            MediaMessageError(.badField, field: "start.callSid")
        ),
        (
            #"{"event":"start","start":{"callSid":"CA0123456789abcdef0123456789abcdef"}}"#,
            MediaMessageError(.missingField, field: "start.streamSid")
        ),
        (
            #"{"event":"start","start":{"mediaFormat":{"encoding":"audio/opus"}}}"#,
            MediaMessageError(.badField, field: "start.mediaFormat")
        ),
        (#"{"event":"mark","mark":{}}"#, MediaMessageError(.missingField, field: "mark.name")),
        (#"{"event":"dtmf","dtmf":"5"}"#, MediaMessageError(.badField, field: "dtmf")),
    ])
    func `says what is wrong with a message from Twilio`(_ text: String, _ error: MediaMessageError) {
        #expect(throws: error) { try MediaStreamEvent(parsing: ByteBuffer(string: text)) }
    }

    @Test(arguments: [
        (#"{"event":"media","streamSid":"MZ1","media":{}}"#, MediaMessageError(.missingField, field: "media.payload")),
        (#"{"event":"media","media":{"payload":""}}"#, MediaMessageError(.missingField, field: "streamSid")),
        (
            #"{"event":"media","streamSid":"MZ2","media":{"payload":""}}"#,
            MediaMessageError(.foreignStream, field: "streamSid")
        ),
        (
            #"{"event":"media","streamSid":"MZ1","media":{"payload":"","track":"outbound"}}"#,
            MediaMessageError(.unexpectedField, field: "media.track")
        ),
        (
            #"{"event":"clear","streamSid":"MZ1","x":1}"#,
            MediaMessageError(.unexpectedField, field: "x")
        ),
        (
            #"{"event":"clear","streamSid":"MZ1","mark":{"name":"m"}}"#,
            MediaMessageError(.unexpectedField, field: "mark")
        ),
        (#"{"event":"mark","streamSid":"MZ1"}"#, MediaMessageError(.missingField, field: "mark.name")),
        (#"{"event":"stop","streamSid":"MZ1"}"#, MediaMessageError(.unknownEvent, field: "event")),
        (#"{"streamSid":"MZ1"}"#, MediaMessageError(.missingField, field: "event")),
        ("nonsense", MediaMessageError(.notJSON)),
    ])
    func `says what is wrong with a message to Twilio`(_ text: String, _ error: MediaMessageError) {
        #expect(throws: error) { try MediaStreamCommand(parsing: ByteBuffer(string: text), streamSid: "MZ1") }
    }

    @Test(arguments: [#"{"a":"#, "[", #"{"event":"media","media":{"a":"#])
    func `deep nesting is refused`(_ opening: String) {
        let text = ByteBuffer(string: #"{"a":"# + String(repeating: opening, count: 100_000))
        #expect(throws: MediaMessageError(.notJSON)) { try MediaStreamEvent(parsing: text) }
        #expect(throws: MediaMessageError(.notJSON)) { try MediaStreamCommand(parsing: text, streamSid: "MZ1") }
    }

    @Test func `text of any kind survives the way there and back`() throws {
        let strange = "\u{0}\u{1f}\"\\/\u{7f}é🙂\n"
        let writer = MediaStreamWriter(streamSid: strange)
        let mark = try MediaStreamCommand(parsing: writer.message(.mark(name: strange)), streamSid: strange)
        #expect(mark == .mark(name: strange))
        #expect(try MediaStreamCommand(parsing: writer.message(.clear), streamSid: strange) == .clear)
        var text = ByteBuffer()
        MediaStreamEvent.mark(name: strange).write(to: &text, streamSid: strange, sequenceNumber: 1)
        #expect(try MediaStreamEvent(parsing: text) == .mark(name: strange))
    }

    @Test(.timeLimit(.minutes(1))) func `mutated and random input throws and never traps`() throws {
        var generator = SeededGenerator(seed: 31924)
        let originals = try Fixtures.lines("twilio_media_stream.jsonl").dropFirst().map { line in
            Array((try JSONValue(parsing: line)["message"] ?? .null).text.utf8)
        }
        var outcomes = (read: 0, refused: 0)
        for _ in 0..<20_000 {
            var bytes = originals.randomElement(using: &generator) ?? []
            for _ in 0..<Int.random(in: 1...4, using: &generator) where !bytes.isEmpty {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes.remove(at: index)
                case 2: bytes.insert(UInt8.random(in: 0...255, using: &generator), at: index)
                default: bytes.removeSubrange(index...)
                }
            }
            let text = ByteBuffer(bytes: bytes)
            _ = try? MediaStreamCommand(parsing: text, streamSid: streamSid)
            if (try? MediaStreamEvent(parsing: text)) == nil { outcomes.refused += 1 } else { outcomes.read += 1 }
        }
        for length in 0..<2_000 {
            let text = ByteBuffer(bytes: (0..<length % 80).map { _ in UInt8.random(in: 0...255, using: &generator) })
            _ = try? MediaStreamEvent(parsing: text)
            _ = try? MediaStreamCommand(parsing: text, streamSid: streamSid)
        }
        #expect(outcomes.read > 0 && outcomes.refused > 0)
    }
}
