import CallEvents
import Foundation
import HTTPTypes
import JSON
import Kafka
import NIOCore
import RealtimeSimulator
import SwiftProtobuf
import TestSupport
import Testing
import TwilioSimulator

/// A coordinator that stands still until another one has its calls, and then goes on.
@Suite(.timeLimit(.minutes(4)), .serialized)
struct CoordinatorTakeOverTests {
    private static let business: CallScript = {
        var script = CallScript()
        script.turns = [CallScript.Turn(.atOnce, say: "greeting"), CallScript.Turn(.agentFinished, say: "goodbye")]
        return script
    }()

    private static let model = Script(rules: [
        Rule(.heard("greeting"), [.call("check_stock", ["article": "oil filter"])]),
        Rule(.toolOutput("check_stock"), [.call("extract_quote", ["price": 45])]),
        Rule(.toolOutput("extract_quote"), [.say("ask")]),
        Rule(.heard("goodbye"), [.call("record_special_offer", ["description": "Ten percent off"])]),
        Rule(.toolOutput("record_special_offer"), [.say("bye"), Self.farewell]),
    ])
    private static let farewell = Action.call("end_call", ["reason": "done", "outcome": "success"])

    @Test func `an owner that stood still changes nothing any more, and works with the other again`() async throws {
        // The answer comes when its coordinator has lost the call.
        let stock = ToolServer(.status(.ok, #"{"count": 3}"#, after: .seconds(4)))
        try await AllToolsCall.withAgents(stock) { configuration in
            var configuration = configuration
            configuration.coordinatorInstances = 2
            try await PhoneWorld.run(configuration, business: Self.business, model: Self.model) { world in
                let sid = try await world.placeCall()
                let owner = try await world.coordinator(of: sid)
                try await eventually("the tool is at work", timeout: .seconds(60)) { stock.requests.count == 1 }
                owner.program.suspend()
                try await eventually("the other takes over", timeout: .seconds(60), detail: world.story(of: sid)) {
                    try await world.results(of: sid, on: .resultsQuotes).count == 1
                }
                owner.program.resume()
                try await world.wait(for: "the call completes", in: sid, timeout: .seconds(90)) {
                    $0 == .status("completed")
                }
                try await owner.ready()
                try await world.expectTakenOver(sid)
            }
        }
        #expect(stock.requests.count == 1)
    }
}

extension PhoneWorld {
    /// The coordinator that has planned the call.
    fileprivate func coordinator(of sid: CallSid) async throws -> StageProcess {
        let source = try await eventually("the call is planned", timeout: .seconds(60)) {
            try await self.events(of: sid).first { $0.callPlanned.hasAgent }?.source
        }
        return try #require(self.stack.coordinators.first { source.hasSuffix("/\($0.name)") })
    }

    fileprivate func expectTakenOver(_ sid: CallSid) async throws {
        #expect(self.twilio.call(sid)?.problems == [], "\(self.story(of: sid))")
        try await eventually("the call's summary", timeout: .seconds(30)) {
            try await self.results(of: sid, on: .resultsCalls).count == 1
        }
        let summary = try #require(try await self.results(of: sid, on: .resultsCalls).first)
        #expect(summary["outcome"] == "success")
        let tools = summary["tools"]?.arrayValue ?? []
        #expect(
            tools == [
                ["name": "check_stock", "succeeded": 0, "failed": 1],
                ["name": "extract_quote", "succeeded": 1, "failed": 0],
                ["name": "record_special_offer", "succeeded": 1, "failed": 0],
                ["name": "end_call", "succeeded": 1, "failed": 0],
            ]
        )
        #expect(try await self.results(of: sid, on: .resultsQuotes).count == 1)
        #expect(try await self.results(of: sid, on: .resultsOffers).count == 1)
        #expect(try await self.results(of: sid, on: .resultsTranscripts).count == 4)
        try await self.expectEachCommandOnce(of: sid)
        let offsets = try await self.records(of: sid, on: .state).compactMap { record in
            try record.value.map { try CallState(serializedBytes: Array($0.readableBytesView)).appliedOffset }
        }
        #expect(offsets == offsets.sorted(), "no state was replaced by an older one")
    }
}
