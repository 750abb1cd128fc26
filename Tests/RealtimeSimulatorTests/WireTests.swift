import JSON
import NIOCore
import Speech
import Testing

@testable import RealtimeSimulator

struct WireTests {
    @Test func `writes JSON in the given order, escaped`() throws {
        let wire: Wire = [
            "b": "quote \" backslash \\ line \n bell \u{7} ä 🚲", "a": [1, .number(2.5), true, nil], "empty": [:],
        ]
        var buffer = ByteBuffer()
        wire.write(to: &buffer)
        let text = String(buffer: buffer)
        #expect(text.hasPrefix(#"{"b":"quote \" backslash \\ line \n bell \u0007 ä 🚲","a":[1,2.5,true,null]"#))
        let value = try JSONValue(parsing: text)
        #expect(value["b"] == "quote \" backslash \\ line \n bell \u{7} ä 🚲")
    }

    @Test func `base64 round trips, and without its padding is refused`() {
        var random = Xorshift(seed: 7)
        for count in 0..<100 {
            let bytes = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            let text = String(decoding: Base64.encode(bytes), as: UTF8.self)
            #expect(text == base64(bytes))
            #expect(Base64.decodePadded(text) == bytes)
        }
        for bad in ["A", "AA", "AAA", "====", "A===", "AA=A", "AAA\n", "AA A", "ÄÄ", "AAAA=AAA"] {
            #expect(Base64.decodePadded(bad) == nil, "\(bad)")
        }
    }

    /// The fast way reads only what the slow one would accept as the same thing.
    @Test func `reads appended audio without a JSON tree, and nothing else`() throws {
        func audio(_ json: String) -> String? {
            AudioAppend(json.utf8.span).map { String(decoding: Array(json.utf8)[$0.audio], as: UTF8.self) }
        }
        #expect(audio(#"{"type":"input_audio_buffer.append","audio":"AAAA"}"#) == "AAAA")
        #expect(audio(#" { "audio" : "AAAA" , "event_id":"e", "type" : "input_audio_buffer.append" } "#) == "AAAA")
        for other in [
            #"{"type":"input_audio_buffer.append"}"#, #"{"audio":"AAAA"}"#,
            #"{"type":"input_audio_buffer.append","audio":"AAAA","x":"y"}"#,
            #"{"type":"input_audio_buffer.append","audio":"AA\u0041A"}"#,
            #"{"type":"input_audio_buffer.append","audio":"AAAA"} x"#,
            #"{"type":"input_audio_buffer.append","audio":7}"#, #"{"type":"input_audio_buffer.commit","audio":"AAAA"}"#,
            #"{"type":"input_audio_buffer.append","audio":"AAAA""#, "", "[]", "{}",
        ] {
            #expect(audio(other) == nil, "\(other)")
        }
    }

    @Test(arguments: ["audio/pcmu", "audio/pcm"])
    func `takes fifty frames a second at little cost`(_ format: String) throws {
        var machine = Self.machine()
        let wire: JSONValue = format == "audio/pcm" ? ["type": "audio/pcm", "rate": 24000] : ["type": "audio/pcmu"]
        let update: JSONValue = [
            "type": "session.update", "session": ["type": "realtime", "audio": ["input": ["format": wire]]],
        ]
        machine.received(ByteBuffer(string: update.text), now: .now)
        let codes = try #require(Speech.utterance("price")).mulaw + Turn.silence(8000)
        let bytes = format == "audio/pcm" ? Turn(codes, lead: 0, tail: 0).pcm24k : codes
        let size = format == "audio/pcm" ? 960 : 160
        let messages = stride(from: 0, to: bytes.count, by: size).map { start in
            let audio = base64(bytes[start..<start + size])
            return ByteBuffer(string: #"{"type":"input_audio_buffer.append","audio":"\#(audio)"}"#)
        }
        let elapsed = ContinuousClock().measure {
            for _ in 0..<10 {
                for message in messages {
                    machine.received(message, now: .now)
                    _ = machine.takeOutputs()
                }
            }
        }
        // A call in real time takes 20 ms for each.
        let each = elapsed / (10 * messages.count)
        #expect(each < .microseconds(500), "\(each) for each frame")
    }

    @Test func `no bytes bring a session down`() throws {
        let examples = try Fixture.clientExamples.get().compactMap { $0["event"]?.text.utf8 }.map { Array($0) }
        var machine = Self.machine()
        var random = Xorshift(seed: 42)
        for round in 0..<4000 {
            var bytes = examples[round % examples.count]
            for _ in 0...(random.next() % 4) {
                bytes[Int(random.next() % UInt64(bytes.count))] = UInt8(truncatingIfNeeded: random.next())
            }
            machine.received(ByteBuffer(bytes: bytes), now: .now)
            for case .event(let event) in machine.takeOutputs() {
                _ = try JSONValue(parsing: event.readableBytesView)
            }
        }
        #expect(machine.facts.errors.count > 2000)
    }

    private static func machine() -> SessionMachine {
        SessionMachine(
            number: 1,
            model: "gpt-realtime-2.1",
            safetyIdentifier: nil,
            progress: ScriptProgress(.demo),
            now: .now,
            epochSeconds: 0
        )
    }
}
