import CallEvents
import Testing

@Suite struct CallSidTests {
    @Test(arguments: ["CA0123456789abcdef0123456789abcdef", "CAABCDEF00000000000000000000000000"])
    func `CA and 32 hexadecimal digits are a call's identifier`(text: String) {
        #expect(CallSid(text)?.rawValue == text)
        #expect(CallSid(text)?.description == text)
    }

    @Test(arguments: [
        "", "CA", "CA0123456789abcdef0123456789abcde", "CA0123456789abcdef0123456789abcdef0",
        "MZ0123456789abcdef0123456789abcdef", "ca0123456789abcdef0123456789abcdef",
        "CA0123456789abcdef0123456789abcdeg", "CA0123456789abcdef0123456789abcde ",
        "CA0123456789abcdef0123456789abcd\u{e9}", "CA\u{301}123456789abcdef0123456789abcde",
        "\nCA0123456789abcdef0123456789abcde",
    ])
    func `anything else is not`(text: String) {
        #expect(CallSid(text) == nil)
    }
}

@Suite struct TopicNamesTests {
    @Test func `topic names carry the prefix and are found again`() {
        let names = TopicNames(prefix: "test.")
        for topic in Topic.allCases {
            #expect(names[topic] == "test." + topic.rawValue)
            #expect(names.topic(named: names[topic]) == topic)
        }
        #expect(names.topic(named: "voice.events") == nil)
        #expect(names.topic(named: "test.unknown") == nil)
    }
}
