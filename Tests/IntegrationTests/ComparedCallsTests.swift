import CallEvents
import JSON
import RealtimeSimulator
import TestSupport
import Testing
import TwilioSimulator

/// Several businesses are called for one request.
@Suite(.timeLimit(.minutes(4)), .serialized)
struct ComparedCallsTests {
    @Test func `three calls of one request at the same time meet in one comparison, which names the best`()
        async throws
    {
        try await PhoneWorld.run(business: Self.business, model: Self.model) { world in
            let answer = try await world.initiate(
                #"""
                {"requestId": "req-3", "userRequest": "Get quote for service", "businesses": [
                 {"phoneNumber": "+15551230001", "businessName": "Garage One"},
                 {"phoneNumber": "+15551230002", "businessName": "Garage Two"},
                 {"phoneNumber": "+15551230003", "businessName": "Garage Three"}]}
                """#
            )
            #expect(answer.status == 201, "\(answer.body.text)")
            let sids = answer.body["calls"]?.arrayValue?.compactMap { $0["callSid"]?.stringValue }
                .compactMap { CallSid($0) }
            let calls = try #require(sids)
            #expect(calls.count == 3)
            for sid in calls {
                try await world.wait(for: "the call completes", in: sid, timeout: .seconds(90)) {
                    $0 == .status("completed")
                }
                #expect(world.twilio.call(sid)?.problems == [], "\(world.story(of: sid))")
            }
            try await Self.expectComparison(world, calls)
        }
    }

    /// All name a price at once; whoever was the last compares it with the others.
    private static let business: CallScript = {
        var script = CallScript()
        script.turns = [CallScript.Turn(.atOnce, say: "price"), CallScript.Turn(.agentFinished, say: "goodbye")]
        return script
    }()

    private static let prices = ["52.50", "39.99", "45.00"]

    private static let model = Script(
        rules: prices.map { price in
            let quote: JSONValue = [
                "price": .string(price), "details": "service, with tax", "availability": "tomorrow",
            ]
            return Rule(.heard("price"), [.call("extract_quote", quote)], times: 1)
        } + [
            Rule(.toolOutput("extract_quote"), [.say("confirm")], times: prices.count - 1),
            Rule(.toolOutput("extract_quote"), [.call("transfer_to_quotes_validator", ["reason": "compare"])]),
            Rule(.toolOutput("transfer_to_quotes_validator"), [.call("compare_quotes", ["requestId": "req-3"])]),
            Rule(.toolOutput("compare_quotes"), [.call("transfer_to_main_concierge", ["reason": "compared"])]),
            Rule(.toolOutput("transfer_to_main_concierge"), [.say("confirm")]),
            Rule(.heard("goodbye"), [.say("bye"), .call("end_call", ["reason": "done", "outcome": "success"])]),
        ]
    )

    private static func expectComparison(_ world: PhoneWorld, _ calls: [CallSid]) async throws {
        var quotes: [JSONValue] = []
        var comparisons: [JSONValue] = []
        var summaries: [JSONValue] = []
        for sid in calls {
            quotes += try await world.results(of: sid, on: .resultsQuotes)
            comparisons += try await world.results(of: sid, on: .resultsComparisons)
            summaries += try await eventually("the call's summary", timeout: .seconds(30)) {
                let summaries = try await world.results(of: sid, on: .resultsCalls)
                return summaries.isEmpty ? nil : summaries
            }
        }
        #expect(Set(quotes.map { $0["price"]?.stringValue }) == Set(Self.prices))
        #expect(quotes.allSatisfy { $0["requestId"] == "req-3" })
        #expect(summaries.map { $0["outcome"] } == ["success", "success", "success"])

        #expect(comparisons.count == 1)
        let comparison = try #require(comparisons.first)
        let ranking = comparison["ranking"]?.arrayValue ?? []
        #expect(ranking.map { $0["price"]?.stringValue } == ["39.99", "45.00", "52.50"])
        #expect(Set(ranking.map { $0["quoteId"] }) == Set(quotes.map { $0["quoteId"] }))
        #expect(Set(ranking.map { $0["businessName"] }) == ["Garage One", "Garage Two", "Garage Three"])
        #expect(comparison["bestQuoteId"] == ranking.first?["quoteId"])
        #expect(ranking.allSatisfy { $0["reasons"]?.arrayValue?.isEmpty == false })
        let summary = comparison["summary"]?.stringValue ?? ""
        #expect(summary.contains("39.99"), "\(summary)")
        let comparedAt = comparison["comparedAt"]?.stringValue ?? ""
        #expect(
            summaries.allSatisfy { ($0["endedAt"]?.stringValue ?? "") > comparedAt },
            "all calls were still running"
        )
    }
}
