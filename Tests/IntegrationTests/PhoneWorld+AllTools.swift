import AsyncHTTPClient
import CallEvents
import JSON
import Kafka
import NIOCore
import NIOHTTP1
import RealtimeSimulator
import Speech
import SwiftProtobuf
import TestSupport
import Testing
import TwilioSimulator

extension PhoneWorld {
    /// Places the call that uses all tools, and hands it over from outside when the agent is silent.
    /// - Parameter disturb: runs beside the call, and must be done with it when that has ended.
    func placeAllToolsCall(_ disturb: @escaping @Sendable (CallSid) async throws -> Void) async throws -> CallSid {
        let answer = try await self.initiate(
            #"""
            {"phoneNumber": "\#(Self.phoneNumber)", "businessName": "Test Business", "requestId": "req-all",
             "userRequest": "Get quote for service", "quotes": [{"business": "Known Garage", "price": 60}]}
            """#
        )
        #expect(answer.status == 201, "\(answer.body.text)")
        let sid = try #require(answer.body["callSid"]?.stringValue.flatMap { CallSid($0) })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await disturb(sid) }
            try await eventually("the keys are pressed", timeout: .seconds(90), detail: self.story(of: sid)) {
                try await self.streamStarts(of: sid).count == 2
            }
            try await self.handOver(sid, to: "appointment_scheduler")
            try await self.wait(for: "the call completes", in: sid, timeout: .seconds(150)) {
                $0 == .status("completed")
            }
            try await eventually("the call's summary", timeout: .seconds(60)) {
                try await self.results(of: sid, on: .resultsCalls).count == 1
            }
            group.cancelAll()
            try await group.waitForAll()
        }
        return sid
    }

    private func handOver(_ sid: CallSid, to agent: String) async throws {
        var request = HTTPClientRequest(url: self.stack.publicURL + "/api/voice/calls/\(sid)/handoff")
        request.method = .POST
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(ByteBuffer(string: #"{"agent": "\#(agent)", "reason": "somebody watches"}"#))
        #expect(try await self.execute(request).status == 202)
    }

    /// Checks that the call came to what its script says, each thing once.
    /// - Parameter mayFail: the tool that has perhaps failed, of which nobody knows whether it was done.
    func expectAllToolsCall(_ sid: CallSid, mayFail: String) async throws {
        let call = try #require(self.twilio.call(sid))
        #expect(call.problems == [], "\(self.story(of: sid))")
        try await self.expectResults(of: sid)
        try await self.expectSummary(of: sid, mayFail: mayFail)
        let utterances = AllToolsCall.conversation.compactMap { Speech.utterance($0) }
        let transcripts = try await self.results(of: sid, on: .resultsTranscripts)
        #expect(transcripts.map { $0["text"]?.stringValue } == utterances.map(\.text))
        #expect(transcripts.map { $0["number"] } == (1...utterances.count).map { .integer($0) })
        let said = self.realtime.sessions.flatMap { $0.responses }.flatMap(\.said)
        #expect(said == ["ask", "confirm", "confirm", "bye"])
        #expect(self.realtime.sessions.flatMap { $0.responses }.flatMap(\.notOffered) == [])
        try await self.expectEachCommandOnce(of: sid)
    }

    private func expectResults(of sid: CallSid) async throws {
        let quotes = try await self.results(of: sid, on: .resultsQuotes)
        #expect(quotes.map { $0["price"] } == ["45.00"] && quotes.map { $0["currency"] } == ["USD"])
        #expect(quotes.map { $0["agent"] } == ["main_concierge"] && quotes.map { $0["requestId"] } == ["req-all"])
        let offers = try await self.results(of: sid, on: .resultsOffers)
        #expect(offers.map { $0["description"] } == ["Ten percent off"] && offers.map { $0["discount"] } == ["10 %"])
        let appointments = try await self.results(of: sid, on: .resultsAppointments)
        #expect(appointments.map { $0["agent"] } == ["appointment_scheduler", "main_concierge"])
        #expect(appointments.map { $0["time"] } == ["14:00", "16:30"])
        #expect(appointments.allSatisfy { $0["date"] == .string(AllToolsCall.appointmentDate) })
        let orders = try await self.results(of: sid, on: .resultsOrders)
        #expect(orders.map { $0["totalPrice"] } == ["25.50"] && orders.map { $0["agent"] } == ["order_placer"])
        #expect(orders.map { $0["items"] } == [[["name": "Oil filter", "quantity": 2]]])
        let comparisons = try await self.results(of: sid, on: .resultsComparisons)
        #expect(comparisons.map { $0["bestQuoteId"] } == quotes.map { $0["quoteId"] })
        let ranking = try #require(comparisons.first?["ranking"]?.arrayValue)
        #expect(ranking.map { $0["price"] } == ["45.00", "60.00"])
    }

    private func expectSummary(of sid: CallSid, mayFail: String) async throws {
        let summary = try #require(try await self.results(of: sid, on: .resultsCalls).first)
        #expect(summary["status"] == "completed" && summary["outcome"] == "success")
        #expect(summary["endReason"] == "all done")
        let handoffs = summary["handoffs"]?.arrayValue ?? []
        #expect(handoffs.map { $0["fromAgent"]?.stringValue } == AllToolsCall.agents.dropLast())
        #expect(handoffs.map { $0["toAgent"]?.stringValue } == AllToolsCall.agents.dropFirst().map { $0 })
        var tools: [String: Int] = [:]
        for tool in summary["tools"]?.arrayValue ?? [] {
            let name = tool["name"]?.stringValue ?? ""
            let failures = tool["failed"]?.intValue ?? 0
            tools[name] = (tool["succeeded"]?.intValue ?? 0) + failures
            #expect(failures == 0 || name == mayFail, "\(name)")
        }
        #expect(tools == AllToolsCall.tools)
        #expect(summary["tone"]?["emotion"] == "friendly")
        let made = ["quotes": 1, "offers": 1, "appointments": 2, "orders": 1, "comparisons": 1]
        for (name, count) in made { #expect(summary[name]?.intValue == count, "\(name)") }
    }

    /// What the session and the line were told, they were told once.
    func expectEachCommandOnce(of sid: CallSid) async throws {
        let commands = try await self.records(of: sid, on: .commands).map {
            try CallCommand(serializedBytes: Array($0.value?.readableBytesView ?? ByteBuffer().readableBytesView))
        }
        #expect(Set(commands.map(\.commandID)).count == commands.count, "\(commands.map(\.commandID))")
        let telephony = try await self.records(of: sid, on: .telephony).map {
            try TelephonyCommand(serializedBytes: Array($0.value?.readableBytesView ?? ByteBuffer().readableBytesView))
        }
        #expect(Set(telephony.map(\.commandID)).count == telephony.count, "\(telephony.map(\.commandID))")
    }

    /// Follows the call's events, and each time that the next of `points` has been written, ends the coordinator with
    /// SIGKILL and starts it again.
    /// - Parameter points: in the order of the call; true for the event that is meant.
    func killCoordinator(at points: [@Sendable (CallEvent) -> Bool], of sid: CallSid) async throws {
        let topics = self.stack.topics
        let reader = try KafkaPartitionReader(
            KafkaTopicPartition(
                topic: topics[.events],
                partition: KeyPartition.of(sid.rawValue, count: topics.partitions)
            ),
            from: .edge(.beginning),
            // So that it may die before it has committed what it has written.
            readCommitted: false,
            configuration: self.stack.kafka,
            logger: .quiet
        )
        var points = points[...]
        for try await batch in reader {
            for record in batch where record.key == ByteBuffer(string: sid.rawValue) {
                let event = try CallEvent(key: record.key, value: record.value)
                guard let point = points.first, point(event) else { continue }
                try await self.stack.coordinator.killAndRestart()
                points.removeFirst()
                if points.isEmpty { return }
            }
        }
        Issue.record("the call ended with \(points.count) points to go")
    }

    /// The call's results on a topic, in their order.
    func results(of sid: CallSid, on topic: Topic) async throws -> [JSONValue] {
        try await self.records(of: sid, on: topic).map {
            try JSONValue(parsing: ($0.value ?? ByteBuffer()).readableBytesView)
        }
    }
}
