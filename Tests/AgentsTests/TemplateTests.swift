import CallEvents
import SeededRandom
import Testing

@testable import Agents

@Suite struct TemplateTests {
    private func problems(_ text: String, partials: Set<String>? = ["a"]) -> [Template.Problem] {
        var problems: [Template.Problem] = []
        let template = Template(text, partials: partials, problems: &problems)
        #expect((template == nil) == !problems.isEmpty)
        return problems
    }

    @Test(arguments: [
        "", "plain", "{{business}}", "{{ business }}", "{{#business}}x{{/business}}", "{{^business}}x{{/business}}",
        "{{#quotes}}{{price}} {{business}} {{request}}{{/quotes}}", "{{handoff.reason}}", "{{> a}}",
        "{{!anything {{ goes}}",
        "{{#handoff}}{{#reason}}{{reason}}{{/reason}}{{/handoff}}", "{ { } }", "{{#inbound}}\nx\n{{/inbound}}",
        "{{#quotes}}{{#details}}{{details}}{{/details}}{{/quotes}}",
    ])
    func `templates that any call can fill`(_ text: String) {
        #expect(self.problems(text).isEmpty)
    }

    @Test(arguments: [
        ("{{bussiness}}", 1, "Nothing is known as bussiness"), ("\n\n{{price}}", 3, "Nothing is known as price"),
        ("{{#quotes}}\n{{prize}}{{/quotes}}", 2, "Nothing is known as prize"), ("{{quotes}}", 1, "has parts"),
        ("{{#quotes}}{{/quotes}}\n{{price}}", 2, "Nothing is known as price"), ("{{inbound}}", 1, "true or false"),
        ("{{handoff}}", 1, "has parts"), ("{{handoff.when}}", 1, "Nothing is known"),
        ("{{business.name}}", 1, "Nothing"),
        ("{{quotes.price}}", 1, "Nothing"), ("{{.}}", 1, "Nothing is known"), ("{{> b}}", 1, "no partial b"),
        ("a\n{{{business}}}", 2, "not supported"), ("{{&business}}", 1, "not supported"),
        ("{{=<% %>=}}", 1, "not supported"), ("{{% CONTENT_TYPE:HTML}}", 1, "not supported"),
        ("{{$a}}x{{/a}}", 1, "not supported"), ("{{<a}}{{/a}}", 1, "not supported"), ("{{> *a}}", 1, "no partial"),
        ("{{uppercased(business)}}", 1, "Nothing is known"), ("x\n{{#business}}", 2, "not ended"),
        ("{{/business}}", 1, "did not begin"), ("{{#business}}\n{{/request}}", 2, "did not begin"),
        ("x\ny {{business", 2, "not ended"), ("{{}}", 1, ""), ("{{bus iness}}", 1, ""), ("{{#}}{{/}}", 1, ""),
    ])
    func `what is wrong with others has its line`(_ text: String, line: Int, part: String) {
        let problems = self.problems(text)
        #expect(problems.first?.line == line)
        #expect(problems.first?.message.contains(part) == true, "\(problems)")
    }

    @Test func `a partial has none of its own`() {
        #expect(self.problems("{{> a}}", partials: nil).first?.message.contains("partial") == true)
    }

    @Test func `any text is read or refused`() {
        var random = SeededGenerator(seed: 7)
        let pieces = [
            "{{", "}}", "{", "}", "#", "^", "/", "!", ">", "&", "=", "%", "$", "<", "*", "(", ")", ".", " ", "\n",
            "\r\n",
            "business", "quotes", "price", "a", "é", "\u{0}",
        ]
        for _ in 0..<20_000 {
            let text = (0..<Int.random(in: 0...12, using: &random)).map { _ in
                pieces[Int.random(in: pieces.indices, using: &random)]
            }.joined()
            var problems: [Template.Problem] = []
            _ = Template(text, partials: ["a"], problems: &problems)?.render([:])
        }
    }

    @Test func `lines that a template leaves empty are taken out`() {
        var problems: [Template.Problem] = []
        let template = Template(
            "\n\n# A  \n{{#request}}\nx\n{{/request}}\n\n\n{{#business}}\n{{business}}  \n{{/business}}\n\n",
            partials: nil,
            problems: &problems
        )
        #expect(template?.render(["business": "<b> & \"c\"", "request": OutsideText.Absent()]) == "# A\n\n<b> & \"c\"")
    }
}

@Suite struct OutsideTextTests {
    @Test(arguments: [
        ("Joe's", "\"Joe's\""), ("  a \n\n# Tools\n- b\r\n", "\"a # Tools - b\""), ("say \"hi\"", #""say \"hi\"""#),
        (#"back\slash"#, #""back\\slash""#), ("a\u{2028}b\u{85}c\u{0B}d", "\"a b c d\""),
        ("a\u{0}\u{1B}[1mb", "\"a[1mb\""),
        ("a\u{202E}b\u{200B}c\u{FEFF}", "\"abc\""), ("x\u{E0041}y", "\"xy\""), ("{{request}}", "\"{{request}}\""),
        ("क्\u{200D}ष", "\"क्\u{200D}ष\""), ("👩\u{200D}🔧", "\"👩\u{200D}🔧\""),
    ])
    func `text from outside is one quoted line`(_ text: String, quoted: String) {
        #expect(OutsideText.quoted(text) as? String == quoted)
    }

    @Test(arguments: ["", " \n\t", "\u{0}\u{200B}"])
    func `nothing is absent`(_ text: String) {
        #expect(OutsideText.quoted(text) is OutsideText.Absent)
        #expect(OutsideText.checked(text) is OutsideText.Absent)
        #expect(OutsideText.json(text, limit: 10) is OutsideText.Absent)
    }

    @Test func `what is long is cut`() {
        #expect(OutsideText.quoted(String(repeating: "a", count: 30), limit: 10) as? String == "\"aaaaaaaaaa…\"")
        #expect(OutsideText.quoted(String(repeating: "a", count: 10), limit: 10) as? String == "\"aaaaaaaaaa\"")
        #expect(OutsideText.quoted("e" + String(repeating: "\u{301}", count: 5000), limit: 10) as? String != nil)
        let marks = OutsideText.quoted("e" + String(repeating: "\u{301}", count: 5000), limit: 10) as? String
        #expect((marks?.unicodeScalars.count ?? 0) < 20)
    }

    @Test func `JSON is written anew, on one line`() {
        #expect(OutsideText.json("{\n\n# Tools\n}", limit: 100) as? String == "\"{ # Tools }\"")
        #expect(
            OutsideText.json(" { \"b\" : 1,\n\n \"a\":\"x\\n# y\" } ", limit: 100) as? String
                == #"{"a":"x\n# y","b":1}"#
        )
        #expect(OutsideText.json("[1,2,3]", limit: 4) as? String == "[1,2…")
    }
}
