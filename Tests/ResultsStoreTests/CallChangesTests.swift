import CallEvents
import CallFlow
import ResultsStore
import SwiftProtobuf
import TestSupport
import Testing

@Suite struct CallChangesTests {
    private static let sid = "CA0123456789abcdef0123456789abcdef"

    /// Folds events one after the other and keeps what each of them changed.
    private struct Fold {
        var state: CallState?
        var offset: Int64 = 10

        mutating func add(
            _ body: CallEvent.OneOf_Body,
            id: String = "",
            epoch: Int64 = 0,
            atUs: Int64 = 5_000_000
        ) -> [CallChange] {
            let event = CallEvent.with {
                $0.eventID = id.isEmpty ? "e\(self.offset)" : id
                $0.callSid = CallChangesTests.sid
                $0.occurredAtUs = atUs
                $0.sessionEpoch = epoch
                $0.body = body
            }
            self.offset += 2
            var after = self.state ?? CallState(callSid: event.callSid)
            _ = after.apply(event, at: self.offset)
            defer { self.state = after }
            return CallChanges.of(event, at: self.offset, partition: 3, before: self.state, after: after)
        }
    }

    @Test func `the first event makes the call, with its partition and offset`() throws {
        var fold = Fold()
        let changes = fold.add(.requested())
        guard case .call(let call) = try #require(changes.first), changes.count == 1 else {
            Issue.record("\(changes)")
            return
        }
        #expect(call.businessName == "Test Business" && call.requestID == "req-1" && call.direction == "outbound-api")
        #expect(call.requestedAtUs == 5_000_000 && call.isInProgress && call.outcome.isEmpty)
        #expect(call.partition == 3 && call.eventOffset == 12)
    }

    @Test func `a callback changes the call and is a moment`() {
        var fold = Fold()
        _ = fold.add(.requested())
        let changes = fold.add(.status("busy", 3), id: "s3")
        #expect(changes.count == 2)
        #expect(changes.contains { if case .call(let call) = $0 { call.outcome == "busy" } else { false } })
        var moment = MomentRow()
        moment.callSid = Self.sid
        moment.eventID = "s3"
        moment.kind = .status
        moment.detail = "busy"
        moment.atUs = 5_000_000
        moment.eventOffset = 14
        #expect(changes.contains(.moment(moment)))
        // Out of order: it tells nothing new of the call.
        #expect(fold.add(.status("ringing", 1)).count == 1)
    }

    @Test func `words that come late move what stands behind them`() {
        var fold = Fold()
        _ = fold.add(.requested())
        _ = fold.add(.said(.person, "p1", "Hello?"))
        _ = fold.add(.said(.agent, "a1", after: "p1", "Good day."))
        #expect(fold.add(.said(.person, "p0", "Yes?")).count == 1)
        // It comes between the two that are there.
        #expect(fold.add(.said(.agent, "a2", after: "a1", "So.")).count == 2)
        let late = fold.add(.said(.person, "p2", after: "p1", "Who is it?"))
        let places = late.compactMap { change in
            if case .utterance(let row) = change { "\(row.position) \(row.itemID)" } else { nil }
        }
        #expect(places == ["1 p2", "2 a1", "3 a2", "4 p0"] && late.count == 4)
    }

    @Test func `an interrupted utterance tells what was heard of it`() {
        var fold = Fold()
        _ = fold.add(.requested())
        let text = "We are calling about an oil change for a car."
        _ = fold.add(.said(.agent, "a1", text))
        let changes = fold.add(
            .speechStarted(
                .with {
                    $0.itemID = "p1"
                    $0.interruptedItemID = "a1"
                    $0.playedMs = 1000
                }
            )
        )
        guard case .utterance(let row) = changes.first, changes.count == 1 else {
            Issue.record("\(changes)")
            return
        }
        #expect(row.text == text && row.heardText == "We are calling …" && row.interrupted && row.playedMs == 1000)
    }

    @Test func `a tool call comes again when it is done, with what it made`() {
        var fold = Fold()
        _ = fold.add(.requested())
        let asked = fold.add(.asks("c1", "extract_quote", #"{"price":45}"#))
        guard case .tool(let tool) = asked.first, asked.count == 1 else {
            Issue.record("\(asked)")
            return
        }
        #expect(tool.name == "extract_quote" && tool.arguments == #"{"price":45}"# && !tool.completed)
        let quote = Quote.with {
            $0.quoteID = "\(Self.sid).c1"
            $0.callSid = Self.sid
            $0.price = "45.00"
            $0.currency = "USD"
        }
        let done = fold.add(
            .toolCompleted(
                .with {
                    $0.toolCallID = "c1"
                    $0.name = "extract_quote"
                    $0.succeeded = true
                    $0.output = "{}"
                    $0.result = (try? quote.jsonString()) ?? ""
                }
            )
        )
        #expect(done.count == 3 && done.last == .quote(quote))
        #expect(done.contains { if case .tool(let tool) = $0 { tool.completed && tool.succeeded } else { false } })
        #expect(done.contains { if case .call(let call) = $0 { call.quotes == 1 } else { false } })
    }

    @Test func `a turn is measured once`() {
        var fold = Fold()
        _ = fold.add(.said(.person, "p1", "Hello?"))
        let measured = CallEvent.OneOf_Body.turnMeasured(
            .with {
                $0.responseID = "r1"
                $0.firstAudioMs = 480
                $0.firstPlayedMs = 700
            }
        )
        guard case .turn(let turn) = fold.add(measured).first else {
            Issue.record("no turn")
            return
        }
        #expect(turn.responseID == "r1" && turn.position == 1 && turn.firstAudioMs == 480 && turn.atUs == 5_000_000)
        #expect(fold.add(measured).isEmpty)
    }

    @Test func `what a session says that has lost the call is no moment, and what is repeated changes nothing`() {
        var fold = Fold()
        _ = fold.add(.requested())
        #expect(fold.add(.sessionClaimed(.with { $0.instance = "s1" })).count == 1)
        #expect(fold.add(.sessionReady(.init()), epoch: 1).isEmpty)
        #expect(fold.add(.sessionReady(.init()), epoch: 20).count == 1)
        #expect(fold.add(.said(.agent, "a1", "Good day."), epoch: 20).count == 1)
        #expect(fold.add(.said(.agent, "a1", "Good day."), epoch: 20).isEmpty)
        #expect(fold.add(.replyProgressed(.with { $0.itemID = "a2" }), epoch: 20).isEmpty)
    }

    @Test func `places count what the state has dropped`() {
        var fold = Fold()
        for number in 0..<150 {
            let previous = number == 0 ? "" : "a\(number - 1)"
            _ = fold.add(.said(.person, "p\(number)", after: previous, "Yes?"))
            _ = fold.add(.said(.agent, "a\(number)", after: "p\(number)", "Well."))
        }
        #expect(fold.state?.conversation.count ?? 0 < 210)
        let changes = fold.add(.said(.person, "last", after: "a149", "Goodbye."))
        guard case .utterance(let row) = changes.first, changes.count == 1 else {
            Issue.record("\(changes)")
            return
        }
        #expect(row.position == 300)
    }
}
