import CallEvents
import Foundation
import JSON
import Synchronization
import TestSupport
import Testing
import TwilioMedia
import TwilioSimulator
import WebSockets

@Suite(.timeLimit(.minutes(1)))
struct WholeCallTests {
    /// Answers each utterance of the business with 200 ms of audio and a mark; closes after the second.
    static func agent(_ stream: TestStream) async {
        let state = Mutex((heard: 0, speaking: false))
        await stream.read { message in
            guard message.event == "media" else { return }
            let isSpeech = message.payload.first != 0xFF
            let turn = state.withLock { state -> Int? in
                defer { state.speaking = isSpeech }
                guard state.speaking, !isSpeech else { return nil }
                state.heard += 1
                return state.heard
            }
            guard let turn else { return }
            try await stream.send(TestStream.audio(milliseconds: 200), streamSid: message.streamSid)
            try await stream.send(.mark(name: "reply \(turn)"), streamSid: message.streamSid)
            if turn == 2 { try await stream.socket.close(code: 1000, reason: "done") }
        }
    }

    @Test func `a call runs from the queue to its last callback`() async throws {
        let streams = Mutex<[TestStream]>([])
        let server = TestServer { _, server in
            .response(server.connect(parameters: ["token": "a&lt;b"]))
        } stream: { stream in
            streams.withLock { $0.append(stream) }
            await Self.agent(stream)
        }
        let script = CallScript.quick([.init(.atOnce, say: "hello"), .init(.agentFinished, say: "price")])
        try await Harness.run(script, server: server) { harness in
            let sid = try await harness.call()
            let snapshot = try await harness.waitForEnd(sid)

            let statuses = snapshot.events.compactMap { if case .status(let status) = $0 { status } else { nil } }
            #expect(statuses == ["queued", "ringing", "in-progress", "completed"])
            #expect(snapshot.events.contains(.business(.ended(utterance: "price"))))
            #expect(snapshot.events.contains(.agentEnded(durationMs: 200)))
            #expect(snapshot.events.contains(.markReturned("reply 1", cleared: false)))
            // The server closed: noted by Twilio even when it is meant.
            #expect(snapshot.problems == [31921])

            let callbacks = try await eventually("all callbacks") {
                let callbacks = server.received("/status")
                return callbacks.count == 4 ? callbacks : nil
            }
            #expect(callbacks.map { $0.fields["CallStatus"] } == ["initiated", "ringing", "in-progress", "completed"])
            #expect(callbacks.map { $0.fields["SequenceNumber"] } == ["0", "1", "2", "3"])
            #expect(callbacks.last?.fields["CallDuration"] != nil)
            #expect(callbacks.allSatisfy { $0.fields["CallSid"] == sid.rawValue && $0.fields["Timestamp"] != nil })
            #expect(server.received.allSatisfy { $0.hasValidSignature })
            #expect(server.received("/twiml").map { $0.fields["CallStatus"] } == ["in-progress"])
        }
        try Self.checkMessages(of: try #require(streams.withLock { $0.first }))
    }

    private static func checkMessages(of stream: TestStream) throws {
        let messages = stream.messages
        #expect(messages.prefix(2).map(\.event) == ["connected", "start"])
        #expect(messages[0].json == ["event": "connected", "protocol": "Call", "version": "1.0.0"])
        let start = try #require(messages[1].json["start"])
        #expect(start["customParameters"] == ["token": "a<b"])
        #expect(start["mediaFormat"] == ["encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1])
        #expect(start["tracks"] == ["inbound"])
        #expect(start["streamSid"]?.stringValue == messages[1].streamSid)
        let numbers = messages.dropFirst().compactMap { $0.json["sequenceNumber"]?.stringValue }
        #expect(numbers == (1...numbers.count).map(String.init))
        let media = messages.filter { $0.event == "media" }
        #expect(media.allSatisfy { $0.payload.count == 160 })
        #expect(media.compactMap { $0.json["media"]?["chunk"]?.stringValue } == (1...media.count).map(String.init))
        let timestamps = media.compactMap { $0.json["media"]?["timestamp"]?.stringValue }.compactMap(Int.init)
        #expect(zip(timestamps, timestamps.dropFirst()).allSatisfy { $1 - $0 == 20 })
    }

    @Test func `the media clock does not drift`() async throws {
        let streams = Mutex<[TestStream]>([])
        let server = TestServer { _, server in
            .response(server.connect())
        } stream: { stream in
            streams.withLock { $0.append(stream) }
            await stream.readToEnd()
        }
        try await Harness.run(.quick(), server: server) { harness in
            let sid = try await harness.call()
            let stream = try await eventually("the stream") { streams.withLock { $0.first } }
            // A busy machine makes some frames late; a drift makes all late ones later, and none is in time again.
            _ =
                try await eventually("the media") {
                    let media = stream.messages.filter { $0.event == "media" }
                    guard let begin = media.first?.at else { return nil }
                    let lateness = media.enumerated().map { $1.at - begin - .milliseconds(20 * $0) }
                    let early = lateness.prefix(25)
                    let drifts = lateness.dropFirst(125).flatMap { late in early.map { late - $0 } }
                    return drifts.contains { .milliseconds(-10) < $0 && $0 < .milliseconds(10) } ? true : nil
                } as Bool
            _ = try await harness.update(sid, [("Status", "completed")])
            try await harness.waitForEnd(sid)
        }
    }

    @Test func `many calls at once have each their full media`() async throws {
        let calls = 40
        let streams = Mutex<[TestStream]>([])
        let server = TestServer { _, server in
            .response(server.connect())
        } stream: { stream in
            streams.withLock { $0.append(stream) }
            await stream.readToEnd()
        }
        let script = CallScript.quick([.init(.atOnce, say: "price"), .init(.atOnce, afterMs: 700, hangUp: true)])
        try await Harness.run(script, server: server) { harness in
            var sids: [CallSid] = []
            for _ in 0..<calls { sids.append(try await harness.call()) }
            for sid in sids {
                let snapshot = try await harness.waitForEnd(sid)
                #expect(snapshot.problems == [] && snapshot.details.status == .completed)
            }
            #expect(harness.simulator.calls.count == calls)
        }
        for stream in streams.withLock({ $0 }) {
            let media = stream.messages.filter { $0.event == "media" }
            #expect(media.count { $0.payload.first == 0x22 } == 15)
            #expect(media.count >= 50 && stream.messages.last?.event == "stop")
        }
    }

    @Test func `a recording has both voices on one time axis`() async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        let server = TestServer { _, server in
            .response("<Pause length=\"1\"/>" + server.connect())
        } stream: {
            await Self.agent($0)
        }
        let script = CallScript.quick([.init(.atOnce, say: "hello"), .init(.agentFinished, say: "price")])
        try await Harness.run(script, server: server) { configuration in
            configuration.recordingDirectory = directory.path()
        } body: { harness in
            let sid = try await harness.call()
            let snapshot = try await harness.waitForEnd(sid)
            let wav = try Data(contentsOf: URL(filePath: try #require(snapshot.recordingPath)))
            #expect(wav.prefix(4) == Data("RIFF".utf8))
            #expect(wav[22] == 2 && wav[24] == 0x40 && wav[25] == 0x1F && wav[34] == 16)
            let samples = wav.dropFirst(44)
            #expect(samples.count.isMultiple(of: 4))
            let size = wav[40..<44].reversed().reduce(0) { $0 << 8 | Int($1) }
            #expect(size == samples.count)

            let left = stride(from: 44, to: wav.count, by: 4).map { wav[$0] != 0 || wav[$0 + 1] != 0 }
            let right = stride(from: 46, to: wav.count, by: 4).map { wav[$0] != 0 || wav[$0 + 1] != 0 }
            #expect(left.count { $0 } == 1600 + 2400)
            // The second reply was cut when the server closed.
            #expect((1600...3200).contains(right.count { $0 }))
            let greeting = try #require(left.firstIndex(of: true))
            #expect(greeting >= 8000, "the pause of a second is on the axis")
            #expect(try #require(right.firstIndex(of: true)) >= greeting + 1600)
        }
    }
}
