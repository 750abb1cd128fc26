import CallEvents
import JSON
import NIOCore
import NIOHTTP1
import ResultsSink
import StageRuntime
import SwiftProtobuf
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct StreamTests {
    private let sid = Deployment.callSid

    private func url(_ sink: Deployment.Sink, _ path: String? = nil) -> String {
        "http://127.0.0.1:\(sink.port)/api/voice/" + (path ?? "calls/\(self.sid)/events")
    }

    /// Reads until one of this name comes, and it is as it should be.
    private func read(
        _ events: EventStream,
        until name: String,
        where isWanted: (JSONValue) -> Bool = { _ in true }
    ) async throws -> [ServerSentEvent] {
        var read: [ServerSentEvent] = []
        while true {
            let event = try #require(try await events.next(), "the stream ended after \(read.map(\.name))")
            read.append(event)
            if event.name == name, isWanted(event.json) { return read }
        }
    }

    private func stored(_ deployment: Deployment, _ sink: Deployment.Sink, transcript count: Int) async throws {
        try await eventually("the call is stored", timeout: .seconds(40)) {
            let call = try await sink.get("/api/voice/calls/\(self.sid)").json
            return call["transcript"]?.arrayValue?.count == count
        }
    }

    @Test func `a call that is opened late shows all from its first second, and then what happens`() async throws {
        let deployment = try Deployment()
        let sink = try await deployment.startSink()
        try await deployment.write(.requested(), .status("in-progress", 2), .said(.person, "p1", "Hello?"))
        try await self.stored(deployment, sink, transcript: 1)

        let events = try await EventStream(self.url(sink))
        let history = try await self.read(events, until: "ready")
        #expect(history.first?.name == "call" && history.first?.json["status"] == "in-progress")
        #expect(history.map(\.name) == ["call", "moment", "utterance", "ready"])
        #expect(history.contains { $0.json["text"] == "Hello?" && $0.json["recordedAt"] == nil })

        try await deployment.write(.said(.agent, "a1", after: "p1", "<b>Good day.</b>"))
        let said = try await self.read(events, until: "utterance")
        #expect(said.last?.json["text"] == "<b>Good day.</b>" && said.last?.json["position"] == 1)
        #expect(said.last?.json["recordedAt"]?.stringValue?.hasSuffix("Z") == true)
        try await deployment.write(.status("completed", 3))
        let end = try await self.read(events, until: "call") { $0["status"] == "completed" }
        #expect(end.last?.json["inProgress"] == false)
        try await sink.running.stop()
        await deployment.end()
    }

    @Test func `who comes back is sent what it has missed, and nothing else`() async throws {
        let deployment = try Deployment()
        let first = try await deployment.startSink()
        try await deployment.write(.requested(), .said(.person, "p1", "Hello?"))
        try await self.stored(deployment, first, transcript: 1)
        let events = try await EventStream(self.url(first))
        let seen = try #require(try await self.read(events, until: "ready").last)
        try await first.running.stop()
        #expect(try await events.next() == nil)

        try await deployment.write(.said(.agent, "a1", after: "p1", "Good day."))
        let second = try await deployment.startSink()
        try await self.stored(deployment, second, transcript: 2)
        let again = try await EventStream(self.url(second), lastEventID: seen.id)
        let missed = try await self.read(again, until: "ready")
        #expect(missed.map(\.name) == ["utterance", "ready"] || missed.map(\.name) == ["call", "utterance", "ready"])
        #expect(missed.contains { $0.json["text"] == "Good day." })
        let last = try #require(missed.last)
        let path = "calls/\(self.sid)/events?lastEventId=\(last.id)"
        let nothing = try await EventStream(self.url(second, path))
        #expect(try await self.read(nothing, until: "ready").map(\.name) == ["ready"])
        try await second.running.stop()
        await deployment.end()
    }

    @Test func `any instance shows any call, and goes on for another`() async throws {
        let deployment = try Deployment()
        let one = try await deployment.startSink(instanceID: "k1")
        let two = try await deployment.startSink(instanceID: "k2")
        try await eventually("both have partitions", timeout: .seconds(60)) {
            one.health.waitingFor.isEmpty && two.health.waitingFor.isEmpty
        }
        try await deployment.write(.requested(), .said(.person, "p0", "Hello 0"))
        try await self.stored(deployment, one, transcript: 1)
        var streams: [EventStream] = []
        for sink in [one, two] { streams.append(try await EventStream(self.url(sink))) }
        for stream in streams { _ = try await self.read(stream, until: "ready") }
        // Whichever of them consumes the call's partition, both tell of it.
        try await deployment.write(.said(.person, "p1", "Hello 1"))
        var seen: [ServerSentEvent] = []
        for stream in streams {
            seen.append(
                try #require(try await self.read(stream, until: "utterance") { $0["text"] == "Hello 1" }.last)
            )
        }
        try await deployment.write(.said(.person, "p2", "Hello 2"))
        try await self.stored(deployment, one, transcript: 3)
        for (sink, seen) in zip([two, one], seen) {
            let stream = try await EventStream(self.url(sink), lastEventID: seen.id)
            let missed = try await self.read(stream, until: "ready").filter { $0.name == "utterance" }
            #expect(missed.map { $0.json["text"] } == ["Hello 2"])
        }
        // The one that is left takes over while it is watched.
        try await one.running.stop()
        try await deployment.write(.said(.person, "p3", "Hello 3"))
        _ = try await self.read(streams[1], until: "utterance") { $0["text"] == "Hello 3" }
        try await two.running.stop()
        await deployment.end()
    }

    @Test func `who watches all calls comes back for those that changed`() async throws {
        let deployment = try Deployment()
        let sink = try await deployment.startSink()
        try await deployment.write(.requested(), .status("ringing", 1))
        let first = try await EventStream(self.url(sink, "events"))
        let seen = try #require(try await self.read(first, until: "ready").last)
        let nothing = try await EventStream(self.url(sink, "events"), lastEventID: seen.id)
        _ = try await self.read(nothing, until: "ready")
        try await deployment.write(.status("in-progress", 2))
        let live = try await self.read(first, until: "call") { $0["status"] == "in-progress" }
        let again = try await EventStream(self.url(sink, "events?lastEventId=\(seen.id)"))
        _ = try await self.read(again, until: "call") { $0["status"] == "in-progress" }
        let id = try #require(live.last).id
        try await eventually("that is stored", timeout: .seconds(40)) {
            try await sink.get("/api/voice/calls/\(self.sid)").json["status"] == "in-progress"
        }
        let last = try await EventStream(self.url(sink, "events"), lastEventID: id)
        #expect(try await self.read(last, until: "ready").map(\.name) == ["ready"])
        // One that is not understood is none.
        let all = try await EventStream(self.url(sink, "events"), lastEventID: "c12")
        #expect(try await self.read(all, until: "ready").map(\.name) == ["call", "ready"])
        try await sink.running.stop()
        await deployment.end()
    }

    @Test func `levels and partial words reach who watches at that moment`() async throws {
        let deployment = try Deployment()
        let sink = try await deployment.startSink()
        try await deployment.write(.requested(), .said(.person, "p1", "Hello?"))
        try await self.stored(deployment, sink, transcript: 1)
        let one = try await EventStream(self.url(sink))
        let all = try await EventStream(self.url(sink, "events"))
        _ = try await self.read(one, until: "ready")
        let wall = try await self.read(all, until: "ready")
        #expect(wall.map(\.name) == ["call", "ready"] && wall.first?.json["callSid"] == .string(self.sid))
        let writer = Task {
            // The end of a topic is where it is when the sink gets to ask for it.
            while !Task.isCancelled {
                try await deployment.write(.with { $0.levels = .with { $0.inboundDbfs = -20.04 } })
                try await deployment.write(
                    .with {
                        $0.partial.itemID = "a1"
                        $0.partial.text = "Good"
                    }
                )
                try await Task.sleep(for: .milliseconds(100))
            }
        }
        let levels = try await self.read(one, until: "levels")
        #expect(levels.last?.json["inboundDbfs"] == -20 && levels.last?.json["outboundDbfs"] == 0)
        #expect(try await self.read(one, until: "partial").last?.json["text"] == "Good")
        #expect(try await self.read(all, until: "levels").last?.json[self.sid] == [-20, 0])
        writer.cancel()
        try await sink.running.stop()
        await deployment.end()
    }

    @Test func `a call that nobody knows is not watched`() async throws {
        let deployment = try Deployment()
        let sink = try await deployment.startSink()
        let answer = try await sink.get("/api/voice/calls/\(self.sid)/events")
        #expect(answer.status == 404 && answer.isProblem)
        #expect(try await sink.get("/api/voice/calls/CA1/events").status == 400)
        let head = try await sink.send(.HEAD, "/api/voice/events")
        #expect(head.status == 200 && head.headers.first(name: "content-type") == "text/event-stream")
        await sink.running.crash()
        await deployment.end()
    }
}

extension ServerSentEvent {
    var json: JSONValue { (try? JSONValue(parsing: self.data)) ?? .null }
}
