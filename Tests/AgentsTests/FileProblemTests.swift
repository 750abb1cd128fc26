import Agents
import Testing

/// What is wrong with a file is told at start: all of it, each problem with its line.
@Suite struct FileProblemTests {
    /// The problems of a file, as `line: message`.
    private func problems(_ yaml: String) -> [String] {
        do throws(AgentFileError) {
            _ = try AgentBook(yaml: yaml, file: "a.yaml")
            return []
        } catch {
            #expect(error.problems.allSatisfy { $0.file == "a.yaml" && "\($0)".hasPrefix("a.yaml:\($0.line): ") })
            return error.problems.map { "\($0.line): \($0.message)" }
        }
    }

    /// A file of one good agent, with `more` behind it; its first line is line 6.
    private func one(_ more: String) -> String {
        """
        begin: main
        agents:
          - id: main
            description: Leads the call.
            instructions: Be kind.
        \(more)
        """
    }

    @Test func `the smallest file`() throws {
        let book = try AgentBook(yaml: self.one(""), file: "a.yaml")
        #expect(book.agentIDs == ["main"] && book.beginsWith == "main")
        #expect(book.maxCallSeconds == 180 && book.timeZone == nil && book.httpTools.isEmpty)
    }

    @Test(arguments: [
        ("", 1), ("# nothing", 1), ("begin: [", 2), ("a: 1\n\tb: 2", 2), ("a: b: c", 1), ("begin: x\n---\nbegin: y", 2),
        ("begin: *nobody", 1), ("begin: x\nbegin: y", 1), ("begin: \"x", 1), ("begin: \u{1}", 1),
        ("a: &a [*a]", 1), ("- 1", 1), ("text", 1),
    ])
    func `what is no YAML, or no mapping, is one problem`(_ yaml: String, line: Int) {
        let problems = self.problems(yaml)
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix("\(line): ") == true, "\(problems)")
    }

    @Test func `everything that is wrong is told at once, in the order of the file`() {
        let yaml = """
            begin: nobody
            time_zone: EST5
            colour: blue
            limits:
              max_call_seconds: soon
              voicemail: "no"
            agents:
              - id: Main
                description: 5
                instructions: ok
              - id: other
                instructions: |
                  Hello {{business}}.
                  Hello {{bussiness}}.
            """
        #expect(
            self.problems(yaml) == [
                "1: begin names nobody, which is no agent of this file.",
                "2: time_zone must be an IANA name such as America/New_York; /usr/share/zoneinfo has none such.",
                "3: the file has no key colour; its keys are begin, time_zone, voice, session, limits, partials, tools, "
                    + "agents.",
                "5: max_call_seconds must be a whole number from 0 to 14400.",
                "6: voicemail must be one of hang_up, leave_message, go_on.",
                "8: id must begin with a small letter, and have small letters, digits and _ up to 52.",
                "9: description must be text; put what looks like a number or a truth value in quotes.",
                "11: agents lacks description.",
                "14: Nothing is known as bussiness here; there are: "
                    + "appointments, business, category, date, given_quotes, handoff, inbound, offers, orders, "
                    + "other_prices, other_quotes, quotes, request, request_id, results, time, time_zone, user_data, user_id, weekday.",
            ]
        )
    }

    @Test(arguments: [
        "EST", "EST5EDT", "GMT+1", "New_York", "Atlantis/Capital", "america/new_york ", "+01:00", "/",
        "../../etc/passwd", "America", "America/../America/New_York",
    ])
    func `a time zone is an IANA name`(_ name: String) {
        #expect(self.problems(self.one("time_zone: '\(name)'")).map { $0.prefix(12) } == ["6: time_zone"])
    }

    @Test func `what is missing is told where it should stand`() {
        #expect(self.problems("voice: marin") == ["1: the file lacks agents.", "1: the file lacks begin."])
        #expect(
            self.problems("begin: a\nagents: []") == [
                "1: begin names a, which is no agent of this file.", "2: agents must have at least one agent.",
            ]
        )
        #expect(
            self.problems(self.one("  - description: x\n    instructions:")).map { $0.prefix(8) } == [
                "6: agent", "6: agent",
            ]
        )
    }

    private static let limits: [(String, String)] = [
        ("max_call_seconds: -1", "whole number"), ("max_call_seconds: 14401", "whole number"),
        ("max_call_seconds: 1.5", "whole number"), ("max_call_seconds: '60'", "whole number"),
        ("wind_down_seconds: 601", "whole number"), ("max_handoffs: 101", "whole number"),
        ("max_call_dollars: -1", "US dollars"), ("max_call_dollars: 1,50", "US dollars"),
        ("max_call_dollars: .5", "US dollars"), ("max_call_dollars: 10001", "US dollars"),
        ("max_call_dollars: 1.0000000001", "US dollars"), ("max_call_dollars: 1e3", "US dollars"),
        ("max_call_dollars: [1]", "US dollars"), ("voicemail: wait", "one of"),
        ("voicemail: leave_message", "voicemail_message"),
        ("voicemail_message: '{{#x}}'", "template"), ("max_minutes: 3", "no key"),
    ]

    @Test(arguments: Self.limits)
    func `limits out of range`(_ limit: String, part: String) {
        let problems = self.problems(self.one("limits:\n  \(limit)"))
        #expect(problems.count == 1)
        #expect(problems.first?.hasPrefix("7: ") == true && problems.first?.contains(part) == true, "\(problems)")
    }

    private static let settings: [(String, String)] = [
        ("speed: 1.6", "number from 0.25"), ("speed: fast", "number"), ("noise_reduction: loud", "one of"),
        ("reasoning_effort: max", "one of"), ("max_output_tokens: 0", "whole number"),
        ("turn_detection: server_vad", "mapping"), ("turn_detection: { threshold: 1 }", "lacks type"),
        ("turn_detection: { type: server_vad, eagerness: low }", "no key eagerness"),
        ("turn_detection: { type: semantic_vad, threshold: 1 }", "no key threshold"),
        ("turn_detection: { type: semantic_vad, eagerness: keen }", "one of"),
        ("turn_detection: { type: server_vad, threshold: 2 }", "number from 0.0"),
        ("turn_detection: { type: server_vad, silence_duration_ms: 5 }", "whole number"),
        ("turn_detection: { type: server_vad, create_response: yes }", "true or false"),
        ("transcription: { language: english }", "ISO 639-1"), ("transcription: { keywords: word }", "list"),
        ("transcription: { keywords: [1] }", "text"), ("truncation: sometimes", "one of"),
        ("truncation: { type: retention_ratio }", "lacks retention_ratio"),
        ("truncation: { type: retention_ratio, retention_ratio: 2 }", "number"),
        ("idle: { prompts: 2 }", "lacks seconds"),
        ("idle: { seconds: 1, prompts: 11 }", "whole number"), ("voice: marin", "no key voice"),
    ]

    @Test(arguments: Self.settings)
    func `session settings that Realtime would not take`(_ setting: String, part: String) {
        for problems in [
            self.problems(self.one("session:\n  \(setting)")),
            self.problems(self.one("    session:\n      \(setting)")),
        ] {
            #expect(problems.count == 1)
            #expect(problems.first?.hasPrefix("7: ") == true && problems.first?.contains(part) == true, "\(problems)")
        }
    }

    @Test func `tools and handoffs name what is there`() {
        let yaml = self.one(
            """
                tools:
                  - extract_quote
                  - order_pizza
                  - end_call
                  - transfer_to_other
                  - extract_quote
                  - 7
                handoffs:
                  - other
                  - nobody
                  - main
                  - other
              - id: other
                description: Helps.
                instructions: Help.
            """
        )
        #expect(
            self.problems(yaml) == [
                "8: There is no tool order_pizza; there are: extract_quote, schedule_appointment, place_order, "
                    + "record_special_offer, validate_quote, compare_quotes.",
                "9: Every agent has end_call: leave it out.",
                "10: transfer_to_other follows from handoffs: name the agent there.",
                "11: extract_quote stands twice in tools.",
                "12: tools must be text; put what looks like a number or a truth value in quotes.",
                "15: main hands over to nobody, which is no agent of this file.",
                "16: main cannot hand over to itself.",
                "17: other stands twice in handoffs.",
            ]
        )
    }

    @Test func `an agent that nobody hands over to, and one with the name of another`() {
        let yaml = self.one(
            """
              - id: lonely
                description: Waits.
                instructions: Wait.
                handoffs: [main]
              - id: main
                description: Again.
                instructions: Again.
            """
        )
        #expect(
            self.problems(yaml) == [
                "6: Nobody hands over to lonely: name it in the handoffs of an agent, or leave it out.",
                "10: There are two agents main.",
            ]
        )
    }

    @Test func `agents that hand over to each other share one voice`() {
        func yaml(_ voice: String, _ own: String) -> String {
            self.one(
                """
                    handoffs: [other]
                  - id: other
                    description: Helps.
                    instructions: Help.
                    \(own)
                \(voice)
                """
            )
        }
        #expect(self.problems(yaml("voice: marin", "voice: marin")).isEmpty)
        #expect(self.problems(yaml("voice: marin", "")).isEmpty)
        #expect(self.problems(yaml("", "")).isEmpty)
        #expect(
            self.problems(yaml("voice: marin", "voice: cedar")) == [
                "10: other has another voice (cedar) than main (marin): agents that hand over to each other share one."
            ]
        )
        #expect(
            self.problems(yaml("", "voice: cedar")) == [
                "10: other has another voice (cedar) than main (the default voice): agents that hand over to each other "
                    + "share one."
            ]
        )
    }
}
