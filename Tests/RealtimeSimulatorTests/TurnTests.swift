import Audio
import JSON
import NIOCore
import RealtimeSimulator
import Speech
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(1)))
struct TurnTests {
    /// Between the start of the recording and the first loud frame that a detector can see: its first frames are soft.
    private static let onset = 60

    @Test func `a spoken turn gives the events of the service, in its order`() async throws {
        try await withSimulator(Script(pace: 100, thinkMs: 0)) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.speak("greeting")
                try await peer.wait("rate_limits.updated")
                try await peer.wait("conversation.item.input_audio_transcription.completed")
                let types = peer.types.filter { !$0.contains("transcription") && !$0.hasPrefix("session") }
                #expect(
                    types.prefix(9) == [
                        "input_audio_buffer.speech_started", "input_audio_buffer.speech_stopped",
                        "input_audio_buffer.committed", "conversation.item.added", "conversation.item.done",
                        "response.created", "response.output_item.added", "conversation.item.added",
                        "response.content_part.added",
                    ]
                )
                let deltas = types.dropFirst(9).dropLast(7)
                #expect(
                    Set(deltas) == [
                        "response.output_audio_transcript.delta", "response.output_audio.delta",
                    ]
                )
                #expect(
                    types.suffix(7) == [
                        "response.output_audio.done", "response.output_audio_transcript.done",
                        "response.content_part.done", "conversation.item.done", "response.output_item.done",
                        "response.done", "rate_limits.updated",
                    ]
                )
                let item = try await peer.wait("input_audio_buffer.speech_started")["item_id"]
                #expect(peer.events("input_audio_buffer.speech_stopped")[0]["item_id"] == item)
                #expect(peer.events("input_audio_buffer.committed")[0]["item_id"] == item)
                #expect(peer.events("conversation.item.added")[0]["item"]?["id"] == item)
                #expect(peer.events("conversation.item.added")[1]["previous_item_id"] == item)
                #expect(
                    peer.events("conversation.item.input_audio_transcription.completed")[0]["transcript"]
                        == "Hello, Test Business, how can I help you?"
                )
                let ids = peer.events.compactMap { $0["event_id"]?.stringValue }
                #expect(Set(ids).count == peer.events.count)
            }
            #expect(simulator.sessions.first?.turns.first?.utterances == ["greeting"])
            #expect(simulator.sessions.first?.responses.first?.said == ["ask"])
        }
    }

    @Test(arguments: [200, 500, 900])
    func `counts milliseconds on the audio that arrived`(_ silence: Int) async throws {
        try await withSimulator { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure(detection: [
                    "type": "server_vad", "silence_duration_ms": .integer(silence), "prefix_padding_ms": 300,
                    "create_response": false,
                ])
                for turn in 0..<2 {
                    try await peer.speak("goodbye", lead: 8000, tail: 8000)
                    let started = try await peer.wait("input_audio_buffer.speech_started", count: turn + 1)
                    let stopped = try await peer.wait("input_audio_buffer.speech_stopped", count: turn + 1)
                    // Each turn is 1000 ms of silence, 1580 ms of speech and 1000 ms of silence.
                    let start = try #require(started["audio_start_ms"]?.intValue) - turn * 3580
                    let end = try #require(stopped["audio_end_ms"]?.intValue) - turn * 3580
                    #expect((700...700 + Self.onset).contains(start))
                    #expect((2580 + silence - 100...2580 + silence).contains(end))
                }
                #expect(peer.events("response.created").isEmpty)
                try await eventually("the recogniser") {
                    simulator.sessions[0].turns.map(\.utterances) == [["goodbye"], ["goodbye"]] ? () : nil
                }
            }
        }
    }

    @Test func `finds no end of speech when audio stops arriving`() async throws {
        try await withSimulator { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.speak("greeting", tail: 0)
                try await peer.wait("input_audio_buffer.speech_started")
                try await Task.sleep(for: .milliseconds(700))
                #expect(peer.events("input_audio_buffer.speech_stopped").isEmpty)
                try await peer.speak(Turn.silence(4800))
                try await peer.wait("input_audio_buffer.speech_stopped")
            }
        }
    }

    @Test(arguments: ["audio/pcm", "audio/pcma"])
    func `hears the other formats too`(_ format: String) async throws {
        try await withSimulator { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure([
                    "audio": [
                        "input": [
                            "format": format == "audio/pcm"
                                ? ["type": .string(format), "rate": 24000] : ["type": .string(format)]
                        ]
                    ]
                ])
                let turn = Turn(try #require(Speech.utterance("price")).mulaw, lead: 4800, tail: 6400)
                let bytes = format == "audio/pcm" ? turn.pcm24k : turn.aLaw
                // In pieces that are no whole samples.
                for start in stride(from: 0, to: bytes.count, by: 1237) {
                    try await peer.append(bytes[start..<min(start + 1237, bytes.count)])
                }
                try await eventually("the turn") {
                    simulator.sessions[0].turns.first?.utterances == ["price"] ? () : nil
                }
            }
        }
    }

    @Test func `does not understand a turn that lacks one frame`() async throws {
        try await withSimulator(Script(pace: 100, thinkMs: 0)) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                var codes = try #require(Speech.utterance("greeting")).mulaw
                let frame = try #require(Turn.loudFrames(of: codes, every: 20).last)
                codes.removeSubrange(frame..<frame + 160)
                try await peer.speak(Turn(codes, lead: 4800, tail: 6400).codes)
                let done = try await peer.wait("response.done")
                #expect(
                    done["response"]?["output"]?.arrayValue?[0]["content"]?.arrayValue?[0]["transcript"]
                        == "I am sorry, I did not understand that."
                )
                let completed = try await peer.wait("conversation.item.input_audio_transcription.completed")
                #expect(completed["transcript"] == "")
                #expect(simulator.sessions[0].turns[0].hearing?.damaged?.name == "greeting")
                #expect(simulator.sessions[0].responses[0].trigger == .unrecognised)
            }
        }
    }

    @Test func `without turn detection the client commits and asks`() async throws {
        try await withSimulator(Script(pace: 100, thinkMs: 0)) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure(detection: .null)
                try await peer.append(Turn.silence(792))
                #expect(
                    try await peer.refusal(of: #"{"type":"input_audio_buffer.commit","event_id":"c"}"#)["code"]
                        == "input_audio_buffer_commit_empty"
                )
                try await peer.send(#"{"type":"input_audio_buffer.clear"}"#)
                try await peer.wait("input_audio_buffer.cleared")
                try await peer.speak("greeting")
                try await peer.send(#"{"type":"input_audio_buffer.commit"}"#)
                try await peer.send(#"{"type":"response.create"}"#)
                try await peer.wait("response.done")
                #expect(!peer.types.contains("input_audio_buffer.speech_started"))
                #expect(simulator.sessions[0].responses.map(\.said) == [["ask"]])
                #expect(peer.events("input_audio_buffer.committed").count == 1)
            }
        }
    }

    @Test func `semantic detection ends a finished sentence early and waits for an unfinished one`() async throws {
        try await withSimulator { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure(detection: ["type": "semantic_vad", "eagerness": "high"])
                try await peer.speak("goodbye", lead: 0, tail: 8000)
                let first = try await peer.wait("input_audio_buffer.speech_stopped")
                #expect(try #require(first["audio_end_ms"]?.intValue) < 1580 + 600)
                let half = try #require(Speech.utterance("price")).mulaw.prefix(16000)
                try await peer.speak(Array(half) + Turn.silence(24000))
                let second = try await peer.wait("input_audio_buffer.speech_stopped", count: 2)
                #expect((4480...4700).contains(try #require(second["audio_end_ms"]?.intValue) - 2580 + 580))
            }
        }
    }

    @Test func `speech cancels a running response and says so`() async throws {
        try await withSimulator(Script(pace: 0.5, thinkMs: 0)) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.send(#"{"type":"response.create"}"#)
                try await peer.wait("response.output_audio.delta", count: 2)
                try await peer.speak("wait", tail: 0)
                let done = try #require(try await peer.wait("response.done")["response"])
                #expect(done["status"] == "cancelled")
                #expect(done["status_details"] == ["type": "cancelled", "reason": "turn_detected"])
                #expect(done["output"]?.arrayValue?.first?["status"] == "incomplete")
                let types = peer.types
                let started = try #require(types.firstIndex(of: "input_audio_buffer.speech_started"))
                #expect(
                    types[(started + 1)...].prefix(6) == [
                        "response.output_audio.done", "response.output_audio_transcript.done",
                        "response.content_part.done", "conversation.item.done", "response.output_item.done",
                        "response.done",
                    ]
                )
            }
        }
    }

    @Test func `speech leaves the response alone when it must not interrupt`() async throws {
        try await withSimulator(Script(pace: 0.5, thinkMs: 0)) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure(detection: [
                    "type": "server_vad", "silence_duration_ms": 500, "interrupt_response": false,
                ])
                try await peer.send(#"{"type":"response.create"}"#)
                try await peer.wait("response.output_audio.delta")
                try await peer.speak("wait")
                // The automatic response of the new turn collides with the running one.
                let error = try await peer.wait("error")
                #expect(error["error"]?["code"] == "conversation_already_has_active_response")
                #expect(error["error"]?["event_id"] == .null)
                #expect(!peer.types.contains("response.done"))
                try await peer.send(#"{"type":"response.cancel"}"#)
                let done = try await peer.wait("response.done")
                #expect(done["response"]?["status_details"]?["reason"] == "client_cancelled")
            }
        }
    }

    @Test func `a transcript comes only when it was asked for`() async throws {
        try await withSimulator(Script(pace: 100, thinkMs: 0)) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure([
                    "audio": ["input": ["format": ["type": "audio/pcmu"], "transcription": .null]]
                ])
                try await peer.speak("goodbye")
                try await peer.wait("rate_limits.updated")
                #expect(!peer.types.contains { $0.contains("transcription") })
            }
        }
    }

    @Test func `commits the silence and answers when nobody speaks for the idle time`() async throws {
        let script = Script(pace: 1000, thinkMs: 0, rules: [Rule(.opening, []), Rule(.idle, [.say("ask")])])
        try await withSimulator(script) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure(detection: ["type": "server_vad", "idle_timeout_ms": 5000])
                try await peer.send(#"{"type":"response.create"}"#)
                try await peer.speak(Turn.silence(8000))
                let event = try await peer.wait("input_audio_buffer.timeout_triggered")
                #expect(event["audio_end_ms"] == 1000)
                try await peer.wait("response.done", count: 2)
                #expect(simulator.sessions[0].responses.map(\.said) == [[], ["ask"]])
            }
        }
    }
}

extension Turn {
    var pcm24k: [UInt8] {
        var converter = MulawToPCM24k()
        var pcm = ByteBuffer()
        converter.convert(ByteBuffer(bytes: self.codes), into: &pcm)
        return Array(pcm.readableBytesView)
    }

    /// Segment by segment, as the standard has it.
    var aLaw: [UInt8] {
        self.samples.map { sample in
            let magnitude = Int(sample.magnitude) >> 3
            let segment = max(0, Int.bitWidth - magnitude.leadingZeroBitCount - 5)
            let code = min(segment, 7) << 4 | magnitude >> max(segment, 1) & 15
            return UInt8(code ^ (sample < 0 ? 0x55 : 0xd5))
        }
    }
}
