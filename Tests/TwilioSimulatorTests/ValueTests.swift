import FoundationEssentials
import Logging
import NIOCore
import Testing
import TwilioSimulator

struct ValueTests {
    /// A playout buffer whose results can be looked at by `#expect`.
    private final class Playout {
        var buffer = PlayoutBuffer()

        func append(_ audio: ByteBuffer) -> Bool { self.buffer.append(audio) }
        func append(mark: String) -> Bool { self.buffer.append(mark: mark) }
        func advance() -> [String] { self.buffer.advance().map(\.name) }

        func take() -> [UInt8] {
            var frame = ByteBuffer()
            self.buffer.take(160, into: &frame)
            return Array(frame.readableBytesView)
        }
    }

    @Test func `the playout plays pieces of any length in order`() {
        let playout = Playout()
        let audio = (0..<250).map { UInt8($0) }
        #expect(playout.append(ByteBuffer(bytes: audio[..<100])))
        #expect(!playout.append(mark: "a"))
        #expect(playout.append(ByteBuffer(bytes: audio[100...])))
        #expect(!playout.append(mark: "b"))
        #expect(playout.advance() == [])
        #expect(playout.take() == Array(audio[..<160]))
        #expect(playout.advance() == ["a"])
        #expect(playout.take() == Array(audio[160...]))
        // The frame is still being played.
        #expect(!playout.append(mark: "c"))
        #expect(playout.advance() == ["b", "c"])
        #expect(playout.append(mark: "d"))
    }

    @Test func `clear drops what is queued and gives back all marks`() {
        let playout = Playout()
        #expect(playout.append(ByteBuffer(repeating: 1, count: 400)))
        #expect(!playout.append(mark: "a"))
        #expect(playout.take().count == 160)
        let (dropped, marks) = playout.buffer.clear()
        #expect(dropped == 240 && marks.map(\.name) == ["a"])
        #expect(playout.advance() == [] && playout.buffer.queued == 0)
        #expect(playout.append(ByteBuffer(repeating: 2, count: 160)))
        #expect(!playout.append(mark: "b"))
    }

    @Test func `more than ten minutes are dropped`() {
        let playout = Playout()
        #expect(playout.append(ByteBuffer(repeating: 1, count: PlayoutBuffer.limit)))
        #expect(!playout.append(ByteBuffer(repeating: 1, count: 1)))
        #expect(playout.buffer.queued == PlayoutBuffer.limit)
    }

    @Test func `times are written as Twilio writes them`() {
        let time = TwilioTime(milliseconds: 1_795_407_480_123)
        #expect(time.rfc2822 == "Mon, 23 Nov 2026 04:18:00 +0000")
        #expect(time.iso8601 == "2026-11-23T04:18:00.123Z")
        #expect(TwilioTime(milliseconds: 951_782_400_000).iso8601 == "2000-02-29T00:00:00.000Z")
        #expect(TwilioTime(milliseconds: 0).rfc2822 == "Thu, 01 Jan 1970 00:00:00 +0000")
    }

    @Test(arguments: [
        ("https://a.example/x?y=1#rc=2", "https://a.example/x?y=1"),
        ("https://a.example:8443/x", "https://a.example/x"),
        ("https://user:pass@a.example:8443/x", "https://a.example/x"),
        ("http://a.example:8080/x", "http://a.example:8080/x"),
        ("http://user:pass@127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://[::1]/x", "https://[::1]/x"),
    ])
    func `https is signed without port, nothing with user or fragment`(url: String, signed: String) throws {
        #expect(try #require(WebhookURL(url)).signed == signed)
    }

    @Test func `relative URLs are resolved, for a stream with the scheme of a socket`() throws {
        let base = try #require(WebhookURL("https://a.example/api/twiml?x=1"))
        #expect(WebhookURL("next?y=2", relativeTo: base)?.text == "https://a.example/api/next?y=2")
        #expect(WebhookURL("/next", relativeTo: base)?.text == "https://a.example/next")
        #expect(WebhookURL.stream("/stream", document: base)?.text == "wss://a.example/stream")
        #expect(WebhookURL("nowhere") == nil)
        #expect(WebhookURL("https:///x") == nil)
    }

    @Test func `overrides are read from the fragment, out of range ones ignored`() {
        let overrides = ConnectionOverrides(fragment: "rc=2&rp=4xx,rt&tt=5000&ct=1")
        #expect(overrides.retries == 2 && overrides.retryOn == [.clientError, .read] && overrides.totalMs == 5000)
        #expect(ConnectionOverrides(fragment: "rt=300").readMs == 300 && overrides.readMs == 15000)
        #expect(ConnectionOverrides(fragment: "rc=9&tt=99999") == ConnectionOverrides(fragment: nil))
        #expect(ConnectionOverrides(fragment: "rp=all").retryOn.count == 4)
    }

    @Test func `a script has defaults and refuses what it does not know`() throws {
        func decode(_ text: String) throws -> SimulationScript {
            try JSONDecoder().decode(SimulationScript.self, from: Data(text.utf8))
        }
        #expect(try decode("{}") == SimulationScript())
        let script = try decode(
            """
            {"callsPerSecond": 1, "numbers": {"+15550000001": {"outcome": "no-answer"}, "+15550000002": {
              "turns": [{"when": "atOnce", "say": "greeting"}, {"when": "agentSpeaking", "afterMs": 800, "say": "wait"},
                {"dtmf": "1#"}, {"hangUp": true}],
              "faults": {"muteSocketAtMs": [3000], "create": [{"status": 503}, {"lostAnswerMs": 20000}]}}}}
            """
        )
        #expect(script[to: "+15550000001"].outcome == .noAnswer)
        let call = script[to: "+15550000002"]
        #expect(call.turns.map(\.when) == [.atOnce, .agentSpeaking, .agentFinished, .agentFinished])
        #expect(call.faults.muteSocketAtMs == [3000])
        #expect(call.faults.create == [.status(503), .lostAnswer(holdMs: 20000)])
        #expect(script[to: "+15559999999"] == .demo)
        #expect(try decode(String(decoding: JSONEncoder().encode(script), as: UTF8.self)) == script)
        for wrong in [
            "{\"turn\": []}", "{\"default\": {\"turns\": [{\"say\": \"a\", \"dtmf\": \"1\"}]}}",
            "{\"default\": {\"turns\": [{\"dtmf\": \"x\"}]}}", "{\"default\": {\"faults\": {\"drop\": 1}}}",
            "{\"default\": {\"faults\": {\"muteSocketAtMs\": 1}}}",
            "{\"callsPerSecond\": 0}", "{\"default\": {\"outcome\": \"maybe\"}}",
        ] {
            #expect(throws: DecodingError.self) { try decode(wrong) }
        }
    }

    @Test func `an utterance without a recording is refused`() {
        var configuration = TwilioSimulatorConfiguration(accountSid: "AC", authToken: "t")
        configuration.script.fallback.turns = [.init(.atOnce, say: "nonsense")]
        let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
        #expect(throws: Business.UnknownUtterance.self) {
            try TwilioSimulator(configuration: configuration, logger: logger)
        }
        configuration.script.fallback = .demo
        #expect(throws: Never.self) { try TwilioSimulator(configuration: configuration, logger: logger) }
    }
}
