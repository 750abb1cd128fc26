import CallEvents
import CallFlow
import SwiftProtobuf
import Testing

@Suite struct NarratorTests {
    private func lines(_ bodies: CallEvent.OneOf_Body...) -> [String] {
        var narrator = Narrator()
        return Log(bodies).events.flatMap { narrator.tell($0.event) }
            .map { "\($0.atMs / 1000) \($0.subject.rawValue): \($0.text)" }
    }

    @Test func `a call reads like a conversation`() {
        let arguments = #"{"price":45}"#
        #expect(
            self.lines(
                .requested,
                .status("ringing", 1),
                .status("in-progress", 2),
                .stream(1),
                .person("p1", "Hello?"),
                .agent("a1", "A quote, please."),
                .interrupts("a1", playedMs: 300),
                .asks("c1", "extract_quote", arguments),
                .status("completed", 3)
            ) == [
                "0 phone: calling Test Business: “Get quote for service”", "2 agent: main_concierge begins",
                "4 phone: ringing", "6 phone: answered", "8 phone: audio flows", "10 person: “Hello?”",
                "12 agent: “A quote, please.”", "14 person: interrupts after 300 ms",
                "16 tool: extract_quote {\"price\":45}", "18 phone: ended: completed after 12.0 s",
            ]
        )
    }

    @Test func `a fact that was written twice is told once`() {
        var narrator = Narrator()
        let event = CallEvent.with {
            $0.eventID = "status/x/1"
            $0.body = .status("ringing", 1)
        }
        #expect(narrator.tell(event).count == 1)
        #expect(narrator.tell(event).isEmpty)
    }

    @Test func `the end of the call is noticed, and a late answer is no end`() {
        var narrator = Narrator()
        for (_, event) in Log([.status("ringing", 1), .status("in-progress", 2)]).events { _ = narrator.tell(event) }
        #expect(!narrator.hasEnded)
        for (_, event) in Log([.status("no-answer", 3)]).events { _ = narrator.tell(event) }
        #expect(narrator.hasEnded)
    }
}
