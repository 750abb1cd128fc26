import Foundation
import Testing
import TwilioMedia

@Suite struct TwiMLTests {
    @Test func `connects a stream and asks again afterwards`() {
        let again = "https://voice.example.com/api/voice/twiml?epoch=2&attempt=1&at=5"
        let twiml = TwiML(
            .connectStream(
                url: "wss://voice.example.com/api/voice/stream",
                parameters: [FormField("token", "a.b=")],
                action: again
            ),
            .redirect(url: again)
        )
        #expect(
            twiml.document == """
                <?xml version="1.0" encoding="UTF-8"?>
                <Response><Connect action="https://voice.example.com/api/voice/twiml?epoch=2&amp;attempt=1&amp;at=5">\
                <Stream url="wss://voice.example.com/api/voice/stream"><Parameter name="token" value="a.b="/></Stream>\
                </Connect><Redirect>https://voice.example.com/api/voice/twiml?epoch=2&amp;attempt=1&amp;at=5</Redirect>\
                </Response>
                """
        )
    }

    @Test func `any text stays text`() {
        let twiml = TwiML(.say("<Hangup/> & \"'\u{0}\u{8}\u{ffff}\t]]>é🙂"), .hangUp)
        #expect(
            twiml.document.hasSuffix(
                "<Say>&lt;Hangup/&gt; &amp; &quot;&apos;\u{fffd}\u{fffd}\u{fffd}&#9;]]&gt;é🙂</Say><Hangup/></Response>"
            )
        )
    }
}
