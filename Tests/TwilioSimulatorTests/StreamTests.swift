import CallEvents
import JSON
import NIOCore
import Synchronization
import TestSupport
import Testing
import TwilioMedia
import TwilioSimulator
import WebSockets

@Suite(.timeLimit(.minutes(1)))
struct StreamTests {
    @Test func `a mark comes back when the audio before it was played, and at once after a clear`() async throws {
        let marks = Mutex<[(name: String, at: ContinuousClock.Instant)]>([])
        let begun = Mutex<ContinuousClock.Instant?>(nil)
        let server = TestServer { _, server in
            .response(server.connect())
        } stream: { stream in
            await stream.read { message in
                let sid = message.streamSid
                if message.event == "start" {
                    begun.withLock { $0 = .now }
                    try await stream.send(.mark(name: "empty"), streamSid: sid)
                    // An odd length, in pieces that are no frames.
                    try await stream.send(TestStream.audio(milliseconds: 333), streamSid: sid)
                    try await stream.send(.mark(name: "played"), streamSid: sid)
                    try await stream.send(TestStream.audio(milliseconds: 5000), streamSid: sid)
                    try await stream.send(.mark(name: "cleared"), streamSid: sid)
                }
                guard let name = message.markName else { return }
                marks.withLock { $0.append((name, message.at)) }
                if name == "played" { try await stream.send(.clear, streamSid: sid) }
                if name == "cleared" {
                    try await stream.send(TestStream.audio(milliseconds: 40), streamSid: sid)
                    try await stream.send(.mark(name: "after"), streamSid: sid)
                }
                if name == "after" { try await stream.socket.close(code: 1000, reason: "") }
            }
        }
        try await Harness.run(.quick(), server: server) { harness in
            let snapshot = try await harness.waitForEnd(try await harness.call())
            let marks = marks.withLock { $0 }
            #expect(marks.map(\.name) == ["empty", "played", "cleared", "after"])
            let begin = try #require(begun.withLock { $0 })
            #expect(marks[1].at - begin >= .milliseconds(320))
            #expect(marks[2].at - begin < .milliseconds(4000), "a clear does not wait for the audio")
            #expect(snapshot.events.contains(.markReturned("cleared", cleared: true)))
            #expect(snapshot.events.contains(.markReturned("after", cleared: false)))
            let dropped = snapshot.events.compactMap { if case .cleared(let ms) = $0 { ms } else { nil } }
            #expect(dropped.count == 1 && dropped[0] > 1000)
        }
    }

    @Test func `messages of a wrong shape are recorded and not answered`() async throws {
        let server = TestServer { _, server in
            .response(server.connect())
        } stream: { stream in
            await stream.read { message in
                guard message.event == "start" else { return }
                let sid = message.streamSid
                try await stream.send("{\"event\":\"clear\",\"streamSid\":\"\(sid)\",\"extra\":1}")
                try await stream.send("{\"event\":\"sing\",\"streamSid\":\"\(sid)\"}")
                try await stream.socket.send(binary: ByteBuffer(repeating: 0, count: 160))
                try await stream.send(.mark(name: "end"), streamSid: sid)
                try await stream.socket.close(code: 1000, reason: "")
            }
        }
        try await Harness.run(.quick(), server: server) { harness in
            let snapshot = try await harness.waitForEnd(try await harness.call())
            #expect(snapshot.problems == [31951, 31924, 31950, 31921])
            #expect(snapshot.events.contains(.markQueued("end")))
        }
    }

    @Test func `a dropped socket leads to the action, and the person says again what was cut`() async throws {
        let server = TestServer { request, server in
            .response(server.connect(action: request.path == "/twiml" ? "/again?attempt=1" : nil))
        } stream: { stream in
            let speech = Mutex(0)
            await stream.read { message in
                guard message.event == "media", message.payload.first == 0x33 else { return }
                // Closes when the whole of it was heard.
                let heard = speech.withLock {
                    $0 += 1
                    return $0
                }
                if heard == 100 { try await stream.socket.close(code: 1000, reason: "") }
            }
        }
        var script = CallScript.quick([.init(.atOnce, say: "story")])
        script.faults.dropSocketAtMs = [1200]
        try await Harness.run(script, server: server) { harness in
            let snapshot = try await harness.waitForEnd(try await harness.call())
            let ends = snapshot.events.compactMap { if case .streamEnded(_, let end) = $0 { end } else { nil } }
            #expect(ends == [.dropped, .closedByServer(code: 1000)])
            let spoken = snapshot.events.compactMap { if case .business(let event) = $0 { event } else { nil } }
            #expect(
                spoken == [
                    .began(utterance: "story"), .cut(utterance: "story"), .began(utterance: "story"),
                    .ended(utterance: "story"),
                ]
            )
            let action = try #require(server.received("/again").first)
            #expect(action.method == "POST" && action.query == "attempt=1" && action.hasValidSignature)
            let sids = snapshot.events.compactMap { if case .streamStarted(let sid) = $0 { sid } else { nil } }
            #expect(Set(sids).count == 2)
        }
    }

    @Test func `a new document ends the stream with stop`() async throws {
        let streams = Mutex<[TestStream]>([])
        let server = TestServer { _, server in
            .response(server.connect(action: "/never"))
        } stream: { stream in
            streams.withLock { $0.append(stream) }
            await stream.readToEnd()
        }
        try await Harness.run(.quick(), server: server) { harness in
            let sid = try await harness.call()
            try await harness.wait(for: sid) { snapshot in
                snapshot.events.contains { if case .streamStarted = $0 { true } else { false } }
            }
            let twiml = "<Response><Play digits=\"1w2\"/><Say>bye</Say></Response>"
            let (status, json) = try await harness.update(sid, [("Twiml", twiml)])
            #expect(status == 200 && json["status"] == "in-progress")
            let snapshot = try await harness.waitForEnd(sid)
            let verbs = snapshot.events.compactMap { if case .verb(let name) = $0 { name } else { nil } }
            #expect(verbs == ["Connect", "Play", "Say"])
            #expect(snapshot.events.contains(.playedDigits("1w2")))
            #expect(server.received("/never").isEmpty)
            let last = try #require(streams.withLock { $0.first?.messages.last })
            #expect(last.event == "stop" && last.json["stop"]?["callSid"]?.stringValue == sid.rawValue)
        }
    }

    @Test func `the business interrupts, presses keys and hangs up`() async throws {
        let streams = Mutex<[TestStream]>([])
        let server = TestServer { _, server in
            .response(server.connect())
        } stream: { stream in
            streams.withLock { $0.append(stream) }
            await stream.read { message in
                guard message.event == "start" else { return }
                try await stream.send(TestStream.audio(milliseconds: 20_000), streamSid: message.streamSid)
            }
        }
        let script = CallScript.quick([
            .init(.agentSpeaking, afterMs: 200, say: "hello"), .init(.atOnce, dtmf: "5#"),
            .init(.atOnce, afterMs: 60, hangUp: true),
        ])
        try await Harness.run(script, server: server) { harness in
            let snapshot = try await harness.waitForEnd(try await harness.call())
            #expect(snapshot.details.status == .completed)
            #expect(snapshot.events.contains(.business(.hungUp)))
            let messages = try #require(streams.withLock { $0.first?.messages })
            let keys = messages.compactMap { $0.json["dtmf"] }
            #expect(
                keys == [["track": "inbound_track", "digit": "5"], ["track": "inbound_track", "digit": "#"]]
            )
            #expect(messages.last?.event == "stop")
            let media = messages.filter { $0.event == "media" }
            let spoken = try #require(media.firstIndex { $0.payload.first == 0x11 })
            #expect(spoken >= 10)
        }
    }

    @Test func `a muted socket says nothing and answers nothing until the server takes it down`() async throws {
        let streams = Mutex<[TestStream]>([])
        let server = TestServer { request, server in
            .response(server.connect(action: request.path == "/twiml" ? "/again" : nil))
        } stream: { stream in
            streams.withLock { $0.append(stream) }
            await stream.readToEnd()
        }
        var script = CallScript.quick([.init(.atOnce, say: "story")])
        script.faults.muteSocketAtMs = [600]
        try await Harness.run(script, server: server) { harness in
            let sid = try await harness.call()
            try await harness.wait(for: sid) { $0.events.contains(.fault("socket muted")) }
            let muted = try #require(streams.withLock { $0.first })
            let last = try await eventually("nothing on its way") {
                let heardAt = muted.socket.lastHeard
                return ContinuousClock.now - heardAt > .milliseconds(500) ? heardAt : nil
            }
            for _ in 0..<10 {
                try await muted.socket.sendPing()
                try await muted.send(.mark(name: "lost"), streamSid: muted.messages[1].streamSid)
                try await Task.sleep(for: .milliseconds(20))
            }
            #expect(muted.socket.lastHeard == last && streams.withLock { $0.count } == 1)
            try await muted.socket.close(code: 1001, reason: "silent")
            try await eventually("the next stream, which is not muted") {
                streams.withLock { $0.count == 2 && $0[1].messages.contains { $0.event == "media" } }
            }
            #expect(muted.messages.allSatisfy { !["mark", "stop"].contains($0.event) })
            #expect(server.received("/again").count == 1)
        }
    }

    @Test func `faults of the line: garbage, and a gap in the timestamps`() async throws {
        let streams = Mutex<[TestStream]>([])
        let server = TestServer { _, server in
            .response(server.connect())
        } stream: { stream in
            streams.withLock { $0.append(stream) }
            await stream.readToEnd()
        }
        var script = CallScript.quick([.init(.atOnce, afterMs: 1500, hangUp: true)])
        script.faults.garbageAtMs = [1000]
        // Counted from the answer: however long the stream takes to come about, whole gaps lie within it.
        script.faults.gaps = stride(from: 1000, to: 120_000, by: 400).map { .init(atMs: $0, lengthMs: 200) }
        try await Harness.run(script, server: server) { harness in
            try await harness.waitForEnd(try await harness.call())
            let messages = try #require(streams.withLock { $0.first?.messages })
            #expect(messages.contains { $0.json == .null })
            #expect(messages.contains { $0.event == "surprise" })
            let timestamps = messages.compactMap { $0.json["media"]?["timestamp"]?.stringValue }.compactMap(Int.init)
            let steps = zip(timestamps, timestamps.dropFirst()).map { $1 - $0 }
            #expect(Set(steps) == [20, 220])
        }
    }
}
