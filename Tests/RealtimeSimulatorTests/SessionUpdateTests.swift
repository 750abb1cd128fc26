import JSON
import RealtimeSimulator
import Testing

@Suite(.timeLimit(.minutes(1)))
struct SessionUpdateTests {
    @Test func `answers with the whole effective configuration`() async throws {
        try await withSimulator { simulator in
            try await withSession(simulator) { peer in
                try await peer.send(try Fixture.clientEvent("session-update-telephony"))
                let session = try #require(try await peer.wait("session.updated")["session"])
                let sent = try #require(try Fixture.clientEvent("session-update-telephony")["session"])
                #expect(session["instructions"] == sent["instructions"])
                #expect(session["tools"] == sent["tools"])
                #expect(session["audio"]?["input"]?["format"] == ["type": "audio/pcmu"])
                #expect(session["audio"]?["output"]?["format"] == ["type": "audio/pcmu"])
                #expect(
                    session["audio"]?["input"]?["turn_detection"]
                        == [
                            "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300,
                            "silence_duration_ms": 500, "idle_timeout_ms": .null, "create_response": true,
                            "interrupt_response": true,
                        ]
                )
                #expect(session["max_output_tokens"] == 1024)
                #expect(session["truncation"] == sent["truncation"])
                #expect(session["include"] == sent["include"])
                #expect(session["model"] == "gpt-realtime-2.1")
                #expect(simulator.sessions.first?.configuration == session)
            }
        }
    }

    @Test func `keeps what an update leaves out, and clears by null and empty values`() async throws {
        try await withSimulator { simulator in
            try await withSession(simulator) { peer in
                try await peer.send(try Fixture.clientEvent("session-update-telephony"))
                try await peer.send(try Fixture.clientEvent("session-update-instructions-only"))
                var session = try #require(try await peer.wait("session.updated", count: 2)["session"])
                #expect(session["instructions"] == "Speak French from now on.")
                #expect(session["tools"]?.arrayValue?.count == 2)
                try await peer.send(try Fixture.clientEvent("session-update-clear-tools"))
                try await peer.send(try Fixture.clientEvent("session-update-manual-turns"))
                session = try #require(try await peer.wait("session.updated", count: 4)["session"])
                #expect(session["tools"] == [])
                #expect(session["instructions"] == "")
                #expect(session["audio"]?["input"]?["turn_detection"] == .null)
                #expect(session["audio"]?["input"]?["transcription"] == .null)
                #expect(session["audio"]?["output"]?["voice"] == "marin")
            }
        }
    }

    /// Session members with the path of what is wrong with them; the code is invalid_value or unknown_parameter.
    static let refused: [(session: JSONValue, code: String, param: String)] = [
        (["voice": "marin"], "unknown_parameter", "session.voice"),
        (["modalities": ["audio"]], "unknown_parameter", "session.modalities"),
        (["input_audio_format": "g711_ulaw"], "unknown_parameter", "session.input_audio_format"),
        (["turn_detection": .null], "unknown_parameter", "session.turn_detection"),
        (["temperature": 0.8], "unknown_parameter", "session.temperature"),
        (["max_response_output_tokens": 100], "unknown_parameter", "session.max_response_output_tokens"),
        (["model": "gpt-realtime-2"], "invalid_value", "session.model"),
        (["output_modalities": ["audio", "text"]], "invalid_value", "session.output_modalities"),
        (["output_modalities": []], "invalid_value", "session.output_modalities"),
        (["max_output_tokens": 0], "invalid_value", "session.max_output_tokens"),
        (["max_output_tokens": 4097], "invalid_value", "session.max_output_tokens"),
        (["max_output_tokens": "many"], "invalid_value", "session.max_output_tokens"),
        (["audio": ["output": ["speed": 0.2]]], "invalid_value", "session.audio.output.speed"),
        (["audio": ["output": ["speed": 1.6]]], "invalid_value", "session.audio.output.speed"),
        (["audio": ["output": ["voice": "nobody"]]], "invalid_value", "session.audio.output.voice"),
        (["audio": ["output": ["format": "pcm16"]]], "invalid_value", "session.audio.output.format"),
        (
            ["audio": ["input": ["format": ["type": "audio/pcm", "rate": 16000]]]], "invalid_value",
            "session.audio.input.format.rate"
        ),
        (
            ["audio": ["input": ["format": ["type": "audio/pcmu", "rate": 8000]]]], "unknown_parameter",
            "session.audio.input.format.rate"
        ),
        (
            ["audio": ["input": ["turn_detection": ["threshold": 0.5]]]], "missing_required_parameter",
            "session.audio.input.turn_detection.type"
        ),
        (
            ["audio": ["input": ["turn_detection": ["type": "server_vad", "threshold": 1.1]]]], "invalid_value",
            "session.audio.input.turn_detection.threshold"
        ),
        (
            ["audio": ["input": ["turn_detection": ["type": "server_vad", "idle_timeout_ms": 4000]]]],
            "invalid_value", "session.audio.input.turn_detection.idle_timeout_ms"
        ),
        (
            ["audio": ["input": ["turn_detection": ["type": "semantic_vad", "threshold": 0.5]]]],
            "unknown_parameter", "session.audio.input.turn_detection.threshold"
        ),
        (
            ["audio": ["input": ["transcription": ["model": "gpt-live-transcribe"]]]], "invalid_value",
            "session.audio.input.transcription.model"
        ),
        (
            ["audio": ["input": ["transcription": ["model": "whisper-1", "keywords": ["a"]]]]],
            "unknown_parameter", "session.audio.input.transcription.keywords"
        ),
        (
            ["tools": [["type": "function", "function": ["name": "f"]]]], "missing_required_parameter",
            "session.tools[0].name"
        ),
        (
            ["tools": [["type": "function", "name": "f", "strict": true]]], "unknown_parameter",
            "session.tools[0].strict"
        ),
        (["tool_choice": "sometimes"], "invalid_value", "session.tool_choice"),
        (
            ["truncation": ["type": "retention_ratio", "retention_ratio": 2]], "invalid_value",
            "session.truncation.retention_ratio"
        ),
    ]

    @Test(arguments: refused.indices)
    func `refuses what is out of range or of the beta`(_ index: Int) async throws {
        let (members, code, param) = Self.refused[index]
        try await withSimulator { simulator in
            try await withSession(simulator) { peer in
                var session = try #require(members.objectValue)
                session["type"] = "realtime"
                let error = try await peer.refusal(
                    of: ["type": "session.update", "event_id": "mine", "session": .object(session)]
                )
                #expect(error["code"]?.stringValue == code)
                #expect(error["param"]?.stringValue == param)
                #expect(error["event_id"] == "mine")
                #expect(peer.events("session.updated").isEmpty)
            }
        }
    }

    @Test func `applies nothing of an update that it refuses`() async throws {
        try await withSimulator { simulator in
            try await withSession(simulator) { peer in
                let error = try await peer.refusal(
                    of: [
                        "type": "session.update",
                        "session": ["type": "realtime", "instructions": "new", "output_modalities": ["video"]],
                    ]
                )
                #expect(error["param"] == "session.output_modalities[0]")
                #expect(simulator.sessions.first?.configuration["instructions"] == "You are a helpful assistant.")
            }
        }
    }

    @Test func `refuses another voice once it has spoken`() async throws {
        try await withSimulator(Script(pace: 1000, thinkMs: 0)) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.send(#"{"type":"response.create"}"#)
                try await peer.wait("response.done")
                let update: JSONValue = [
                    "type": "session.update",
                    "session": [
                        "type": "realtime", "instructions": "new", "audio": ["output": ["voice": "cedar"]],
                    ],
                ]
                #expect(try await peer.refusal(of: update)["code"] == "cannot_update_voice")
                #expect(simulator.sessions.first?.configuration["instructions"] == "You are a helpful assistant.")
                // The same voice is no change.
                try await peer.configure()
            }
        }
    }

    @Test func `a model without reasoning refuses its parameters`() async throws {
        try await withSimulator { simulator in
            try await withSession(simulator, model: "gpt-realtime-1.5") { peer in
                let error = try await peer.refusal(
                    of: #"{"type":"session.update","session":{"type":"realtime","reasoning":{"effort":"low"}}}"#
                )
                #expect(error["param"] == "session.reasoning")
            }
        }
    }
}
