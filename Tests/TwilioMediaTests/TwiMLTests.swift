import Foundation
import FoundationXML
import SeededRandom
import Testing
import TwilioMedia

@Suite struct TwiMLTests {
    @Test func `connects a stream and asks again afterwards`() {
        let again = "https://voice.example.com/api/voice/twiml?epoch=2&attempt=1&at=5"
        let stream = TwiML.Stream(
            url: "wss://voice.example.com/api/voice/stream",
            statusCallback: "https://voice.example.com/api/voice/stream-status",
            parameters: [FormField("token", "a.b=")]
        )
        #expect(
            TwiML(.connectStream(stream, action: again), .redirect(url: again)).document == """
                <?xml version="1.0" encoding="UTF-8"?>
                <Response><Connect action="https://voice.example.com/api/voice/twiml?epoch=2&amp;attempt=1&amp;at=5">\
                <Stream url="wss://voice.example.com/api/voice/stream" \
                statusCallback="https://voice.example.com/api/voice/stream-status">\
                <Parameter name="token" value="a.b="/></Stream>\
                </Connect><Redirect>https://voice.example.com/api/voice/twiml?epoch=2&amp;attempt=1&amp;at=5</Redirect>\
                </Response>
                """
        )
    }

    @Test func `presses keys and refuses`() {
        #expect(
            TwiML(.play(digits: "w1#"), .reject(.busy)).document.hasSuffix(
                "<Response><Play digits=\"w1#\"/><Reject reason=\"busy\"/></Response>"
            )
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

    @Test(arguments: 0..<300 as Range<UInt64>)
    func `a parser that is not ours reads back what was written, whatever it was`(_ seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let texts = (0..<7).map { _ in Self.text(using: &random) }
        let twiml = TwiML(
            .connectStream(
                .init(url: texts[0], statusCallback: texts[1], parameters: [FormField(texts[2], texts[3])]),
                action: texts[4]
            ),
            .redirect(url: texts[5]),
            .say(texts[6]),
            .hangUp
        )
        let read = try #require(XML.Element(document: twiml.document), "\(twiml.document)")
        #expect(read.name == "Response" && read.children.map(\.name) == ["Connect", "Redirect", "Say", "Hangup"])
        let connect = read.children[0]
        let stream = try #require(connect.children.first)
        let parameter = try #require(stream.children.first)
        let back = [
            stream.attributes["url"], stream.attributes["statusCallback"], parameter.attributes["name"],
            parameter.attributes["value"], connect.attributes["action"], read.children[1].text, read.children[2].text,
        ]
        // Scalar by scalar: Swift's comparison would let canonically equivalent texts pass.
        for (text, back) in zip(texts, back) {
            #expect(back.map { Array($0.unicodeScalars) } == Self.writable(text))
        }
    }

    /// Texts that XML is particular about, and any scalars at all.
    private static func text(using random: inout SeededGenerator) -> String {
        let particular = ["&", "<", ">", "\"", "'", "]]>", "\r\n", "\t", " ", "\u{0}", "\u{b}", "\u{85}", "\u{fffe}"]
        let parts = (0..<Int.random(in: 0...12, using: &random)).map { _ -> String in
            if Bool.random(using: &random) { return particular.randomElement(using: &random) ?? "" }
            let scalar = Unicode.Scalar(UInt32.random(in: 0...0x10ffff, using: &random))
            return scalar.map { String(Character($0)) } ?? ""
        }
        return parts.joined()
    }

    /// What XML 1.0 has no way to hold is replaced; nothing else changes.
    private static func writable(_ text: String) -> [Unicode.Scalar] {
        text.unicodeScalars.map { scalar in
            switch scalar.value {
            case 0x9, 0xa, 0xd, 0x20...0xfffd, 0x10000...: scalar
            default: "\u{fffd}"
            }
        }
    }
}

private enum XML {
    struct Element {
        var name: String
        var attributes: [String: String] = [:]
        var text = ""
        var children: [Element] = []

        /// - Returns: nil when the document is not well-formed.
        init?(document: String) {
            let reader = Reader()
            let parser = XMLParser(data: Data(document.utf8))
            parser.delegate = reader
            guard parser.parse(), let root = reader.root else { return nil }
            self = root
        }

        fileprivate init(name: String, attributes: [String: String]) {
            self.name = name
            self.attributes = attributes
        }
    }

    private final class Reader: NSObject, XMLParserDelegate {
        var root: Element?
        private var open: [Element] = []

        func parser(
            _ parser: XMLParser,
            didStartElement elementName: String,
            namespaceURI: String?,
            qualifiedName: String?,
            attributes: [String: String]
        ) {
            self.open.append(Element(name: elementName, attributes: attributes))
        }

        func parser(_ parser: XMLParser, foundCharacters string: String) {
            if !self.open.isEmpty { self.open[self.open.count - 1].text += string }
        }

        func parser(
            _ parser: XMLParser,
            didEndElement elementName: String,
            namespaceURI: String?,
            qualifiedName: String?
        ) {
            guard let element = self.open.popLast() else { return }
            if self.open.isEmpty {
                self.root = element
            } else {
                self.open[self.open.count - 1].children.append(element)
            }
        }
    }
}
