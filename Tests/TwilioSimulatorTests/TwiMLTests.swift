import Testing
import TwilioSimulator

struct TwiMLTests {
    @Test func `reads the document of a call`() throws {
        let document = try TwiMLDocument(
            Array(
                """
                <?xml version="1.0" encoding="UTF-8"?>
                <!-- a call -->
                <Response>
                  <Connect action="https://a.example/twiml?epoch=2&amp;attempt=1">
                    <Stream url="wss://a.example/stream"><Parameter name="token" value='a"b&#38;&#x26;'/></Stream>
                  </Connect>
                  <Redirect> https://a.example/twiml?epoch=2 </Redirect>
                  <Pause length="2"/><Play digits="1w2#"/><Say voice="x">Good<![CDATA[ <b>ye]]></Say><Hangup/>
                </Response>
                """.utf8
            )
        )
        #expect(document.warnings == [])
        #expect(document.verbs.count == 6)
        guard case .connect(let connect) = try #require(document.verbs.first) else {
            Issue.record("no <Connect>")
            return
        }
        #expect(connect.action == "https://a.example/twiml?epoch=2&attempt=1" && connect.method == "POST")
        #expect(connect.stream.url == "wss://a.example/stream" && connect.stream.track == "inbound_track")
        #expect(connect.stream.parameters.map(\.name) == ["token"] && connect.stream.parameters[0].value == "a\"b&&")
        #expect(
            document.verbs.dropFirst() == [
                .redirect(url: "https://a.example/twiml?epoch=2", method: "POST"), .pause(.seconds(2)),
                .play(digits: "1w2#"), .say("Good <b>ye"), .hangup,
            ]
        )
    }

    @Test(arguments: [
        "", "   ", "text", "<Response>", "<Response></Reply>", "<Response/><Response/>", "<Response/>text",
        "<Response a=1/>", "<Response a=\"1\" a=\"2\"/>", "<Response a=\"<\"/>", "<Response>&nbsp;</Response>",
        "<Response>a & b</Response>", "<Response>&#0;</Response>", "<Response>\u{1}</Response>",
        "<!DOCTYPE Response [<!ENTITY a \"b\">]><Response/>", "<Response><!-- </Response>", "<1/>", "<Response a/>",
        "<Response a=\"1\"b=\"2\"/>", "<Response>]]></Response>", "<Response", "<Say>hello</Say>",
        String(repeating: "<a>", count: 100_000),
    ])
    func `what is no well-formed Response is refused`(text: String) {
        let problem = #expect(throws: TwiMLDocument.Problem.self) { try TwiMLDocument(Array(text.utf8)) }
        #expect(problem?.code == 12100)
    }

    @Test func `bytes that are no UTF-8 are refused, and random ones do no harm`() {
        #expect(throws: TwiMLDocument.Problem.self) { try TwiMLDocument(Array("<Response>".utf8) + [0xFF]) }
        var generator = SystemRandomNumberGenerator()
        let alphabet = Array("<>/=\"'&;!-[]CDATA? aR\u{E9}".utf8)
        for _ in 0..<2000 {
            let length = Int.random(in: 0..<60, using: &generator)
            let text = (0..<length).map { _ in alphabet[Int.random(in: 0..<alphabet.count, using: &generator)] }
            _ = try? TwiMLDocument(text)
        }
    }

    @Test(arguments: [
        ("<Gather/>", 0), ("<Hangup reason=\"x\"/>", 1), ("text", 0), ("<Connect/>", 0),
        ("<Connect><Room>a</Room></Connect>", 0), ("<Play>https://a.example/a.mp3</Play>", 0),
        ("<Play digits=\"12x\"/>", 0), ("<Pause length=\"-1\"/>", 1), ("<Connect><Stream/></Connect>", 0),
        ("<Redirect method=\"PUT\">/a</Redirect>", 1),
    ])
    func `what is unknown is left out with a warning`(verbs: String, kept: Int) throws {
        let document = try TwiMLDocument(Array("<Response>\(verbs)</Response>".utf8))
        #expect(document.verbs.count == kept)
        #expect(!document.warnings.isEmpty && document.warnings.allSatisfy { $0.code == 12200 })
    }

    @Test func `a parameter of 500 characters is left out`() throws {
        let value = String(repeating: "x", count: 499)
        let stream = "<Stream url=\"wss://a\"><Parameter name=\"n\" value=\"\(value)\"/></Stream>"
        let text = "<Response><Connect>\(stream)</Connect></Response>"
        let document = try TwiMLDocument(Array(text.utf8))
        guard case .connect(let connect) = try #require(document.verbs.first) else { return }
        #expect(connect.stream.parameters.isEmpty && document.warnings.count == 1)
    }
}
