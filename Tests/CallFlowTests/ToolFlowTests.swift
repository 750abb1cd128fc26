import CallEvents
import CallFlow
import SwiftProtobuf
import Testing

@Suite struct ToolFlowTests {
    private let sid = Log.callSid
    private let price = #"{"price":45,"currency":"USD","details":"service","availability":"tomorrow afternoon"}"#

    private func outputs(_ bodies: CallEvent.OneOf_Body...) -> [String] {
        Log([.requested, .claimed] + bodies).outputs.dropFirst().map(\.label)
    }

    @Test func `a quote is written when its tool has completed, and the model is told`() {
        #expect(self.outputs(.asks("c1", "extract_quote", self.price)) == ["run c1"])
        let log = Log([
            .requested, .claimed, .asks("c1", "extract_quote", self.price), .ran("c1", "extract_quote", self.price),
        ])
        #expect(log.outputs.dropFirst().map(\.label) == ["run c1", "quote 45.00", "tool-result/c1"])
        #expect(
            log.state.quotes == [
                .with {
                    $0.quoteID = "\(self.sid).c1"
                    $0.callSid = self.sid
                    $0.requestID = "req-1"
                    $0.businessName = "Test Business"
                    $0.price = "45.00"
                    $0.currency = "USD"
                    $0.details = "service"
                    $0.availability = "tomorrow afternoon"
                    $0.agent = "main_concierge"
                    $0.quotedAt = "2023-11-14T22:13:20.000Z"
                }
            ]
        )
    }

    @Test func `the same request and the same completion twice count once`() {
        let run = CallEvent.OneOf_Body.ran("c1", "extract_quote", self.price)
        let asks = CallEvent.OneOf_Body.asks("c1", "extract_quote", self.price)
        #expect(self.outputs(asks, asks, run, run, asks) == ["run c1", "quote 45.00", "tool-result/c1"])
    }

    @Test func `the same arguments under another id get the first output and make no second quote`() {
        let again = #"{ "availability": "Tomorrow  afternoon", "details":"service", "price": "$45.00" }"#
        let log = Log([
            .requested, .asks("c1", "extract_quote", self.price), .ran("c1", "extract_quote", self.price),
            .asks("c2", "extract_quote", again),
        ])
        #expect(log.outputs.dropFirst().map(\.label) == ["run c1", "quote 45.00", "tool-result/c1", "tool-result/c2"])
        let results = log.outputs.compactMap { output in
            if case .command(let command) = output { command.toolResult.output } else { nil }
        }
        #expect(results[1] == results[2])
    }

    @Test func `the same arguments while the first still runs wait for its output`() {
        let asks = ["c1", "c2"].map { CallEvent.OneOf_Body.asks($0, "extract_quote", self.price) }
        #expect(
            self.outputs(asks[0], asks[1], .ran("c1", "extract_quote", self.price))
                == ["run c1", "quote 45.00", "tool-result/c1", "tool-result/c2"]
        )
        #expect(Log([.requested] + asks).state.pendingEffects.map { CallOutput.effect($0).label } == ["run c1"])
    }

    @Test func `another price is another quote`() {
        let other = #"{"price":50}"#
        #expect(
            self.outputs(
                .asks("c1", "extract_quote", self.price),
                .ran("c1", "extract_quote", self.price),
                .asks("c2", "extract_quote", other),
                .ran("c2", "extract_quote", other)
            ) == ["run c1", "quote 45.00", "tool-result/c1", "run c2", "quote 50.00", "tool-result/c2"]
        )
    }

    @Test func `wrong arguments and unknown tools give the model an error and no result`() {
        #expect(
            self.outputs(.asks("c1", "extract_quote", "{}"), .ran("c1", "extract_quote", "{}"))
                == ["run c1", "tool-result/c1"]
        )
        #expect(self.outputs(.asks("c1", "fly", "{}"), .ran("c1", "fly", "{}")) == ["run c1", "tool-result/c1"])
    }

    @Test func `end_call ends the session when all was played, and is not answered`() throws {
        let arguments = #"{"reason":"quote received","outcome":"success"}"#
        let log = Log([
            .requested, .claimed, .asks("c1", "end_call", arguments), .ran("c1", "end_call", arguments),
            .asks("c2", "end_call", #"{"reason":"done"}"#), .ran("c2", "end_call", #"{"reason":"done"}"#),
        ])
        #expect(log.outputs.dropFirst().map(\.label) == ["run c1", "goodbye/\(self.sid)", "run c2"])
        #expect(log.state.ending)
        #expect(log.state.endReason == "quote received")
        guard case .command(let command) = log.outputs[2] else { throw Unexpected() }
        #expect(command.endSession.hangUpWhenPlayed)
    }

    @Test func `a tool that completes after the call has ended still leaves its result`() {
        #expect(
            self.outputs(
                .asks("c1", "extract_quote", self.price),
                .status("completed", 3),
                .ran("c1", "extract_quote", self.price)
            ) == ["run c1", "end/\(self.sid)", "quote 45.00"]
        )
    }

    @Test func `a completion that nobody asked for, or with a broken result, makes no quote`() {
        #expect(self.outputs(.ran("c9", "extract_quote", self.price)).isEmpty)
        let broken = CallEvent.OneOf_Body.toolCompleted(
            .with {
                $0.toolCallID = "c1"
                $0.name = "extract_quote"
                $0.succeeded = true
                $0.output = "{}"
                $0.result = "not JSON"
            }
        )
        #expect(self.outputs(.asks("c1", "extract_quote", self.price), broken) == ["run c1", "tool-result/c1"])
    }
}
