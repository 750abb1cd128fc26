import CallEvents
import CallFlow
import SwiftProtobuf
import Testing

@Suite struct SummaryTests {
    private static let settled = CallEvent.OneOf_Body.timerFired(.with { $0.timer = TimerFired.settled })

    private static func summary(_ log: Log) -> CallSummary? {
        log.outputs.lazy.compactMap { output in
            if case .result(.call(let summary)) = output { summary } else { nil }
        }.first
    }

    /// The call, and its end some seconds later.
    private static func over(_ bodies: [CallEvent.OneOf_Body], status: String = "completed") -> Log {
        var log = Log([.requested, .claimed] + bodies + [.status(status, 9)])
        log.add(Self.settled, atUs: log.state.endedAtUs + 6_000_000)
        return log
    }

    @Test func `a call is summed up once, when nothing more will come`() throws {
        let price = #"{"price":45}"#
        var log = Self.over([
            .stream(1), .person("p1", "Hello?", at: 1), .agent("a1", after: "p1", "A quote please.", at: 2),
            .asks("c1", "extract_quote", price), .ran("c1", "extract_quote", price),
            .asks("c2", "extract_quote", "{}"), .ran("c2", "extract_quote", "{}"),
            .response("r1"),
            .asks("c3", "end_call", #"{"reason":"quote received","outcome":"success"}"#),
            .ran("c3", "end_call", #"{"reason":"quote received","outcome":"success"}"#),
        ])
        log.add(Self.settled, atUs: log.state.endedAtUs + 7_000_000)
        #expect(log.outputs.count { $0.label == "call" } == 1)
        let summary = try #require(Self.summary(log))
        #expect(summary.outcome == "success" && summary.endReason == "quote received")
        #expect(summary.status == "completed" && summary.direction == "outbound-api")
        #expect(summary.agents == ["main_concierge"])
        #expect(summary.quotes == 1 && summary.orders == 0)
        #expect(summary.tools.map(\.name) == ["extract_quote", "end_call"])
        #expect(summary.tools.map(\.succeeded) == [1, 1] && summary.tools.map(\.failed) == [1, 0])
        #expect(summary.tokens.inputAudio == 10)
        #expect(summary.durationSeconds > 0)
    }

    @Test func `too early a summary is none`() {
        var log = Log([.requested, .status("completed", 9)])
        log.add(Self.settled, atUs: log.state.endedAtUs + 1_000_000)
        #expect(Self.summary(log) == nil)
    }

    @Test(
        arguments: [
            ("busy", "busy"), ("no-answer", "no_answer"), ("canceled", "canceled"), ("failed", "failed"),
            ("completed", "no_answer"),
        ]
    )
    func `a call that nobody answered says why`(_ status: String, _ outcome: String) {
        #expect(Self.summary(Self.over([], status: status))?.outcome == outcome)
    }

    @Test func `a call that ended without a word of the agent's is judged by what it brought`() {
        let price = #"{"price":45}"#
        #expect(Self.summary(Self.over([.stream(1)]))?.outcome == "unknown")
        let quoted = Self.over([.stream(1), .asks("c1", "extract_quote", price), .ran("c1", "extract_quote", price)])
        #expect(Self.summary(quoted)?.outcome == "partial")
    }

    @Test func `the waits are told as percentiles`() throws {
        let turns = (1...20).map { number in
            CallEvent.OneOf_Body.turnMeasured(
                .with {
                    $0.responseID = "r\(number)"
                    $0.firstAudioMs = UInt32(number * 10)
                    $0.firstPlayedMs = UInt32(number * 10 + 5)
                }
            )
        }
        let latency = try #require(Self.summary(Self.over([.stream(1)] + turns + turns))).latency
        #expect(latency.turns == 20)
        #expect(latency.firstAudioP50 == 100 && latency.firstAudioP95 == 190)
        #expect(latency.firstPlayedP50 == 105 && latency.firstPlayedP95 == 195)
    }

    @Test(
        arguments: [(0, "0.0000"), (1, "0.0001"), (123_400_000, "0.1234"), (12_345_678_901, "12.3457")]
            as [(Int64, String)]
    )
    func `dollars are decimals, rounded up`(_ nanodollars: Int64, _ text: String) {
        let cost = CallEvent.OneOf_Body.responseDone(
            .with {
                $0.responseID = "r"
                $0.costNanodollars = nanodollars
            }
        )
        #expect(Self.summary(Self.over([cost]))?.cost == text)
    }
}

@Suite struct TranscriptTests {
    private static func transcripts(_ log: Log) -> [String] {
        log.outputs.compactMap { output in
            guard case .result(.transcript(let transcript)) = output else { return nil }
            return "\(transcript.number) \(transcript.speaker): \(transcript.text)"
        }
    }

    @Test func `what was said is written in its order, when nothing about it can change`() {
        var log = Log([.requested, .claimed, .turnEnded("p1"), .agent("a1", after: "p1", "A quote please.")])
        #expect(Self.transcripts(log).isEmpty)
        log.add(.person("p1", "Hello?"))
        #expect(Self.transcripts(log) == ["1 person: Hello?"])
        log.add(.turnEnded("p2"))
        #expect(Self.transcripts(log) == ["1 person: Hello?", "2 agent: A quote please."])
    }

    @Test func `an interrupted reply is written as far as it was heard`() {
        let log = Log([
            .requested, .claimed, .person("p1", "Hello?", at: 1),
            .agent("a1", after: "p1", "Good day, I would like to have a quote.", at: 2),
            .interrupts("a1", playedMs: 700),
            .turnEnded("p2"), .person("p2", after: "a1", "What?", at: 3),
        ])
        #expect(Self.transcripts(log) == ["1 person: Hello?", "2 agent: Good day, …", "3 person: What?"])
    }

    @Test func `words that never came hold nothing up`() {
        let log = Log([
            .requested, .claimed, .turnEnded("p1"), .agent("a1", after: "p1", "Pardon?", at: 2), .turnEnded("p2"),
            .person("p2", after: "a1", "A quote.", at: 3),
        ])
        #expect(Self.transcripts(log) == ["1 agent: Pardon?", "2 person: A quote."])
    }
}
