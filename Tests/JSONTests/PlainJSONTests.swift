import FoundationEssentials
import SeededRandom
import Testing

@testable import JSON

struct PlainJSONTests {
    private static func plain(_ text: [UInt8]) -> JSONValue? { PlainJSON.value(text.span) }

    private static func decoded(_ text: String) -> JSONValue? {
        try? JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    }

    @Test(arguments: [
        "{}", "[]", " { } ", "[ ]", "null", "true", "false", "0", "-1", "123456789012345678", #""""#, #""a""#,
        #"{"type":"response.done","response":{"id":"r1","output":[{"n":-7},null,[true,false]],"usage":null}}"#,
        #"{"text":"say \"yes\" \\ or\/and\n\t\r"}"#, #"{"é":"日本 🙂"}"#, "\t{\"a\" : [ 1 , 2 ] }\r\n",
    ])
    func `plain text is read as Foundation reads it`(_ text: String) throws {
        let value = try #require(Self.plain(Array(text.utf8)))
        #expect(value == Self.decoded(text))
    }

    @Test(arguments: [
        "", " ", "{", "}", "[1,]", "[,1]", "{,}", #"{"a":1,}"#, #"{"a"}"#, #"{"a":}"#, "[1 2]", "nul", "truer", "+1",
        "-", "--1",
        "01", "-0", "1.0", "0.5", "1e2", "1234567890123456789", #""\u0041""#, #""\b""#, #""\x""#, #""\"#, #"""#,
        "\"\u{1}\"",
        #"{"a":1,"a":2}"#, "1 1", "\u{feff}1", "NaN", "'a'",
        String(repeating: "[", count: 40) + String(repeating: "]", count: 40),
    ])
    func `everything else is left to Foundation`(_ text: String) {
        #expect(Self.plain(Array(text.utf8)) == nil)
        #expect((try? JSONValue(parsing: text)) == Self.decoded(text))
    }

    @Test func `text that is no UTF-8 is left to Foundation`() {
        let bytes = [UInt8(ascii: "\""), 0xff, UInt8(ascii: "\"")]
        #expect(Self.plain(bytes) == nil)
    }

    @Test func `what was changed at random means the same to both`() {
        var generator = SeededGenerator(seed: 8259)
        let whole = Array(#"{"a":[1,-20,{"b":"c\"\\\n"}],"d":null,"e":true,"f":{"g":[]}}"#.utf8)
        let characters = Array(#"{}[]",:\ 0129-+.eEtrufalsn/"#.utf8)
        for _ in 0..<20_000 {
            var text = whole
            for _ in 0...Int.random(in: 0...2, using: &generator) {
                let index = Int.random(in: 0..<text.count, using: &generator)
                switch Int.random(in: 0...2, using: &generator) {
                case 0: text.remove(at: index)
                case 1: text.insert(characters.randomElement(using: &generator) ?? 0, at: index)
                default: text[index] = characters.randomElement(using: &generator) ?? 0
                }
            }
            guard let plain = Self.plain(text) else { continue }
            #expect(plain == Self.decoded(String(decoding: text, as: UTF8.self)))
        }
    }
}
