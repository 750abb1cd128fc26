import CallEvents
import JSON
import NIOHTTP1
import ResultsSink
import ResultsStore
import SwiftProtobuf
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct StatusAPITests {
    private let sid = Deployment.callSid

    private func get(_ path: String, of sink: Deployment.Sink, token: String? = nil) async throws -> Answer {
        try await sink.get(path, token.map { ["authorization": "Bearer \($0)"] } ?? [:])
    }

    @Test func `the status tells the call while it goes on, and when it has ended`() async throws {
        let deployment = try Deployment()
        let sink = try await deployment.startSink()
        let path = "/api/voice/status?callSid=\(self.sid)"
        try await deployment.write(
            .requested(),
            .status("in-progress", 2),
            .said(.agent, "a1", after: "p1", "Good day.", startedAtUs: 1_700_000_001_000_000),
            .said(.person, "p1", "Hello?", startedAtUs: 1_700_000_001_000_000)
        )
        try await deployment.write(.service)
        let running = try await eventually("the call is known", timeout: .seconds(40)) {
            let answer = try await self.get(path, of: sink)
            // The two topics come independently.
            let isWhole =
                answer.json["transcript"]?.arrayValue?.count == 2 && answer.json["quotes"]?.arrayValue?.count == 1
            return isWhole ? answer : nil
        }
        #expect(running.status == 200)
        #expect(running.headers.first(name: "content-type") == "application/json")
        #expect(running.json["status"] == "in-progress")
        #expect(running.json["endedAt"] == .null)
        #expect((running.json["durationSeconds"]?.intValue ?? 0) > 0)
        func said(_ item: String, _ position: Int, _ speaker: String, _ text: String) -> JSONValue {
            [
                "itemId": .string(item), "position": .integer(position), "speaker": .string(speaker), "agent": "",
                "text": .string(text), "generatedText": .null, "at": "2023-11-14T22:13:21.000Z", "interrupted": false,
                "playedMs": 0,
            ]
        }
        #expect(
            running.json["transcript"] == [said("p1", 0, "person", "Hello?"), said("a1", 1, "agent", "Good day.")]
        )

        try await deployment.write(.status("completed", 3), atUs: 1_700_000_023_900_000)
        let ended = try await eventually("the call has ended", timeout: .seconds(40)) {
            let answer = try await self.get(path, of: sink)
            return answer.json["status"] == "completed" ? answer : nil
        }
        #expect(ended.json["durationSeconds"] == 23)
        #expect(ended.json["startedAt"] == "2023-11-14T22:13:20.000Z")
        #expect(ended.json["endedAt"] == "2023-11-14T22:13:43.900Z")
        #expect(ended.json["quotes"]?.arrayValue?.first?["price"] == "45.00")
        #expect(
            Set(ended.json.objectValue?.keys.map { $0 } ?? []) == [
                "callSid", "requestId", "businessName", "userRequest", "category", "direction", "status", "agent",
                "outcome", "endReason", "answeredBy", "startedAt", "answeredAt", "endedAt", "durationSeconds",
                "inProgress", "cost", "usage", "tone", "counts", "handoffs", "transcript", "tools", "turns", "moments",
                "quotes", "appointments", "orders", "offers", "comparisons",
            ]
        )
        try await sink.running.stop()
        await deployment.end()
    }

    @Test func `bad questions are answered with problems`() async throws {
        let deployment = try Deployment()
        let sink = try await deployment.startSink()
        for (path, status) in [
            ("/api/voice/status", 400), ("/api/voice/status?callSid=", 400),
            ("/api/voice/status?callSid=CA1", 400),
            ("/api/voice/status?callSid=\(self.sid)", 404), ("/api/voice/nothing", 404),
        ] {
            let answer = try await self.get(path, of: sink)
            #expect(answer.status == status && answer.isProblem, "\(path)")
        }
        await sink.running.crash()
        await deployment.end()
    }

    @Test func `while the store is away, clients are told to come back`() async throws {
        let deployment = try Deployment()
        let sink = try await deployment.startSink(AwayStore())
        for path in [
            "status?callSid=\(self.sid)", "calls", "calls/\(self.sid)", "stats", "calls/\(self.sid)/events", "events",
        ] {
            let answer = try await self.get("/api/voice/\(path)", of: sink)
            #expect(answer.status == 503 && answer.isProblem, "\(path)")
            #expect(answer.headers.first(name: "retry-after").flatMap(Int.init) != nil)
        }
        await sink.running.crash()
        await deployment.end()
    }

    @Test func `with tokens, only their bearers are answered`() async throws {
        let deployment = try Deployment()
        let sink = try await deployment.startSink(tokens: ["one", "two"])
        let path = "/api/voice/status?callSid=\(self.sid)"
        #expect(try await self.get(path, of: sink).status == 401)
        #expect(try await self.get(path, of: sink, token: "three").status == 401)
        #expect(try await self.get(path, of: sink, token: "on").status == 401)
        #expect(try await self.get(path, of: sink, token: "one").status == 404)
        #expect(try await self.get(path, of: sink, token: "two").status == 404)
        await sink.running.crash()
        await deployment.end()
    }
}
