import AsyncHTTPClient
import CallEvents
import JSON
import NIOCore
import NIOHTTP1
import ResultsSink
import ResultsStore
import SwiftProtobuf
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct StatusAPITests {
    private let sid = Deployment.callSid

    private struct Answer {
        var status: UInt
        var contentType: String?
        var body: JSONValue
    }

    private func get(_ path: String, of sink: Deployment.Sink, token: String? = nil) async throws -> Answer {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(sink.port)\(path)")
        if let token { request.headers.add(name: "Authorization", value: "Bearer \(token)") }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
        let body = try await response.body.collect(upTo: 1 << 20)
        return Answer(
            status: response.status.code,
            contentType: response.headers.first(name: "Content-Type"),
            body: try JSONValue(parsing: body.readableBytesView)
        )
    }

    @Test func `the status tells the call while it goes on, and when it has ended`() async throws {
        let deployment = try Deployment()
        let sink = try await deployment.startSink()
        let path = "/api/voice/status?callSid=\(self.sid)"
        try await deployment.write(
            .requested,
            .status("in-progress", 2),
            .said(.agent, "a1", after: "p1", "Good day."),
            .said(.person, "p1", "Hello?")
        )
        try await deployment.write(.service)
        let running = try await eventually("the call is known", timeout: .seconds(40)) {
            let answer = try await self.get(path, of: sink)
            // The two topics come independently.
            let isWhole =
                answer.body["transcript"]?.arrayValue?.count == 2 && answer.body["quotes"]?.arrayValue?.count == 1
            return isWhole ? answer : nil
        }
        #expect(running.status == 200)
        #expect(running.contentType == "application/json")
        #expect(running.body["status"] == "in-progress")
        #expect(running.body["endedAt"] == .null)
        #expect((running.body["durationSeconds"]?.intValue ?? 0) > 0)
        #expect(
            running.body["transcript"] == [
                ["speaker": "person", "text": "Hello?", "at": "2023-11-14T22:13:21.000Z", "interrupted": false],
                ["speaker": "agent", "text": "Good day.", "at": "2023-11-14T22:13:21.000Z", "interrupted": false],
            ]
        )

        try await deployment.write(.status("completed", 3), atUs: 1_700_000_023_900_000)
        let ended = try await eventually("the call has ended", timeout: .seconds(40)) {
            let answer = try await self.get(path, of: sink)
            return answer.body["status"] == "completed" ? answer : nil
        }
        #expect(ended.body["durationSeconds"] == 23)
        #expect(ended.body["startedAt"] == "2023-11-14T22:13:20.000Z")
        #expect(ended.body["endedAt"] == "2023-11-14T22:13:43.900Z")
        #expect(ended.body["quotes"]?.arrayValue?.first?["price"] == "45.00")
        #expect(
            Set(ended.body.objectValue?.keys.map { $0 } ?? []) == [
                "callSid", "requestId", "businessName", "userRequest", "category", "status", "agent", "endReason",
                "handoffs", "transcript", "quotes", "startedAt", "answeredAt", "endedAt", "durationSeconds", "usage",
            ]
        )
        try await sink.running.stop()
        await deployment.end()
    }

    @Test func `bad questions are answered with problems`() async throws {
        let deployment = try Deployment()
        let sink = try await deployment.startSink()
        for (path, status) in [
            ("/api/voice/status", UInt(400)), ("/api/voice/status?callSid=", 400),
            ("/api/voice/status?callSid=CA1", 400),
            ("/api/voice/status?callSid=\(self.sid)", 404), ("/api/voice/nothing", 404),
        ] {
            let answer = try await self.get(path, of: sink)
            #expect(answer.status == status, "\(path)")
            #expect(answer.contentType == "application/problem+json", "\(path)")
            #expect(answer.body["status"]?.intValue == Int(status), "\(path)")
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
