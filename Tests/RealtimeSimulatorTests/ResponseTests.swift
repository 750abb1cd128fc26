import JSON
import RealtimeSimulator
import Speech
import Testing

@Suite(.timeLimit(.minutes(1)))
struct ResponseTests {
    private static let fast = Script(pace: 1000, thinkMs: 0)

    @Test func `holds the demo's conversation`() async throws {
        try await withSimulator(Self.fast) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.speak("greeting")
                try await peer.wait("response.done")
                try await peer.speak("price")
                let called = try #require(try await peer.wait("response.done", count: 2)["response"])
                let call = try #require(called["output"]?.arrayValue?.first)
                #expect(call["name"] == "extract_quote")
                #expect(
                    try JSONValue(parsing: try #require(call["arguments"]?.stringValue))
                        == [
                            "price": 45, "currency": "USD", "details": "service",
                            "availability": "tomorrow afternoon",
                        ]
                )
                try await peer.answer(try #require(call["call_id"]?.stringValue))
                try await peer.wait("response.done", count: 3)
                try await peer.speak("goodbye")
                let last = try #require(try await peer.wait("response.done", count: 4)["response"])
                #expect(last["output"]?.arrayValue?.map { $0["type"] } == ["message", "function_call"])
                #expect(simulator.sessions[0].turns.map(\.utterances) == [["greeting"], ["price"], ["goodbye"]])
                #expect(simulator.sessions[0].responses.map(\.said) == [["ask"], [], ["confirm"], ["bye"]])
                #expect(
                    simulator.sessions[0].responses.map(\.called) == [[], ["extract_quote"], [], ["end_call"]]
                )
                #expect(simulator.sessions[0].errors.isEmpty)
            }
        }
    }

    @Test(arguments: ["audio/pcmu", "audio/pcm"])
    func `speaks the recording, in deltas of irregular size`(_ format: String) async throws {
        try await withSimulator(Self.fast) { simulator in
            try await withSession(simulator) { peer in
                let wire: JSONValue =
                    format == "audio/pcm" ? ["type": "audio/pcm", "rate": 24000] : ["type": "audio/pcmu"]
                try await peer.configure(["audio": ["output": ["format": wire]]])
                try await peer.send(#"{"type":"response.create"}"#)
                try await peer.wait("response.done")
                let deltas = peer.events("response.output_audio.delta").map { bytes(base64: $0["delta"]?.stringValue) }
                #expect(Set(deltas.map(\.count)).count > deltas.count / 2)
                #expect(deltas.contains { $0.count % 160 != 0 })
                let spoken = deltas.flatMap { $0 }
                let recording = try #require(Speech.utterance("ask")).mulaw
                if format == "audio/pcmu" {
                    #expect(spoken == recording)
                } else {
                    #expect(spoken.count == 6 * recording.count)
                    let heard = SpeechRecognizer.standard.hear(
                        Turn.telephone(spoken + [UInt8](repeating: 0, count: 960))
                    )
                    #expect(heard.utterances == ["ask"])
                }
                let transcript = peer.events("response.output_audio_transcript.delta").compactMap {
                    $0["delta"]?.stringValue
                }
                #expect(transcript.joined() == Speech.utterance("ask")?.text)
                #expect(transcript.count > 5)
            }
        }
    }

    @Test func `sends faster than real time, by the pace`() async throws {
        try await withSimulator(Script(pace: 8, thinkMs: 100)) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                let start = ContinuousClock.now
                try await peer.send(#"{"type":"response.create"}"#)
                try await peer.wait("response.output_audio.delta")
                #expect(.now - start >= .milliseconds(100))
                try await peer.wait("response.done")
                // 3.98 s of speech.
                let elapsed = ContinuousClock.now - start
                #expect(elapsed >= .milliseconds(540) && elapsed < .milliseconds(3980))
            }
        }
    }

    @Test func `counts tokens`() async throws {
        try await withSimulator(Self.fast) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.speak("greeting")
                let first = try #require(try await peer.wait("response.done")["response"]?["usage"])
                // 2.82 s and the silences around it, one token for 100 ms; 3.98 s, one for 50 ms.
                #expect((30...40).contains(try #require(first["input_token_details"]?["audio_tokens"]?.intValue)))
                #expect((75...90).contains(try #require(first["output_token_details"]?["audio_tokens"]?.intValue)))
                #expect(first["input_token_details"]?["cached_tokens"] == 0)
                try await peer.speak("price")
                try await peer.wait("response.done", count: 2)
                try await peer.speak("goodbye")
                let third = try #require(try await peer.wait("response.done", count: 3)["response"]?["usage"])
                #expect(try #require(third["input_token_details"]?["cached_tokens"]?.intValue) > 0)
                for usage in [first, third] {
                    let sum = ["input_tokens", "output_tokens"].compactMap { usage[$0]?.intValue }.reduce(0, +)
                    #expect(usage["total_tokens"]?.intValue == sum)
                }
                let limits = try await peer.wait("rate_limits.updated")
                #expect(limits["rate_limits"]?.arrayValue?.map { $0["name"] } == ["tokens"])
            }
        }
    }

    @Test func `the client cancels`() async throws {
        try await withSimulator(Script(pace: 0.5, thinkMs: 0)) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.send(#"{"type":"response.create"}"#)
                let id = try #require(try await peer.wait("response.created")["response"]?["id"]?.stringValue)
                try await peer.wait("response.output_audio.delta")
                #expect(
                    try await peer.refusal(of: #"{"type":"response.cancel","response_id":"other"}"#)["code"]
                        == "response_cancel_not_active"
                )
                try await peer.send(#"{"type":"response.cancel","response_id":"\#(id)"}"#)
                let done = try #require(try await peer.wait("response.done")["response"])
                #expect(done["status_details"] == ["type": "cancelled", "reason": "client_cancelled"])
                #expect(simulator.sessions[0].responses[0].reason == "client_cancelled")
            }
        }
    }

    @Test func `one response at a time, and any number out of band`() async throws {
        try await withSimulator(Script(pace: 0.5, thinkMs: 0)) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.send(#"{"type":"response.create"}"#)
                try await peer.wait("response.output_audio.delta")
                let error = try await peer.refusal(of: #"{"type":"response.create","event_id":"second"}"#)
                #expect(error["code"] == "conversation_already_has_active_response")
                #expect(error["event_id"] == "second")
                try await peer.send(try Fixture.clientEvent("response-create-out-of-band"))
                let done = try #require(try await peer.wait("response.done")["response"])
                #expect(done["conversation_id"] == .null)
                #expect(done["metadata"] == ["purpose": "summary"])
                #expect(
                    done["output"]?.arrayValue?.first?["content"]
                        == [["type": "output_text", "text": "I am sorry, I did not understand that."]]
                )
                #expect(peer.events("response.output_text.done").count == 1)
                #expect(simulator.sessions[0].items.count == 1)
            }
        }
    }

    @Test func `stops at max_output_tokens`() async throws {
        try await withSimulator(Self.fast) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.send(#"{"type":"response.create","response":{"max_output_tokens":40}}"#)
                let done = try #require(try await peer.wait("response.done")["response"])
                #expect(done["status"] == "incomplete")
                #expect(done["status_details"] == ["type": "incomplete", "reason": "max_output_tokens"])
                #expect(done["max_output_tokens"] == 40)
                #expect(simulator.sessions[0].responses[0].audioMs < 2400)
            }
        }
    }

    @Test func `calls only what was offered`() async throws {
        try await withSimulator(Self.fast) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure(["tools": []])
                try await peer.speak("goodbye")
                try await peer.wait("response.done")
                #expect(simulator.sessions[0].responses[0].called == [])
                #expect(simulator.sessions[0].responses[0].notOffered == ["end_call"])
            }
        }
    }

    @Test func `goes on in a seeded conversation`() async throws {
        try await withSimulator(Self.fast) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.create("user", "input_text", "Hello, Test Business, how can I help you?")
                try await peer.create("assistant", "output_text", "Hello, I am calling for a customer.")
                try await peer.create(
                    "user",
                    "input_text",
                    "yes that will be forty five dollars we have time tomorrow afternoon"
                )
                try await peer.send(#"{"type":"response.create"}"#)
                try await peer.wait("response.done")
                #expect(simulator.sessions[0].responses[0].trigger == .heard("price"))
                #expect(simulator.sessions[0].responses[0].called == ["extract_quote"])
            }
            try await withSession(simulator) { peer in
                try await peer.configure()
                try await peer.create("user", "input_text", "Yes, that will be forty five dollars.")
                try await peer.send(
                    #"{"type":"conversation.item.create","item":{"type":"function_call","call_id":"call_x","name":"extract_quote","arguments":"{}"}}"#
                )
                try await peer.answer("call_x")
                try await peer.wait("response.done")
                #expect(simulator.sessions[1].responses[0].said == ["confirm"])
                // Everything is answered: there is nothing but an opening line to say.
                try await peer.send(#"{"type":"response.create"}"#)
                try await peer.wait("response.done", count: 2)
                #expect(simulator.sessions[1].responses[1].trigger == .opening)
            }
        }
    }

    @Test func `serves many sessions at once, each by itself`() async throws {
        try await withSimulator(Script(pace: 8, thinkMs: 20)) { simulator in
            try await withThrowingTaskGroup { group in
                for index in 0..<50 {
                    group.addTask {
                        try await withSession(simulator) { peer in
                            try await peer.configure()
                            try await peer.speak(index % 2 == 0 ? "greeting" : "goodbye")
                            try await peer.wait("response.done", within: .seconds(30))
                        }
                    }
                }
                try await group.waitForAll()
            }
            let said = simulator.sessions.flatMap(\.responses).map(\.said)
            #expect(said.filter { $0 == ["ask"] }.count == 25)
            #expect(said.filter { $0 == ["bye"] }.count == 25)
        }
    }

    @Test func `hears the audio of items that the client creates`() async throws {
        try await withSimulator(Self.fast) { simulator in
            try await withSession(simulator) { peer in
                try await peer.configure()
                let audio = base64(Turn(try #require(Speech.utterance("greeting")).mulaw).codes)
                let item: JSONValue = [
                    "type": "message", "role": "user",
                    "content": [["type": "input_audio", "audio": .string(audio)]],
                ]
                try await peer.send(["type": "conversation.item.create", "item": item])
                try await peer.send(#"{"type":"response.create"}"#)
                try await peer.wait("response.done")
                try await peer.send([
                    "type": "response.create", "response": ["conversation": "none", "input": [item]],
                ])
                try await peer.wait("response.done", count: 2)
                #expect(simulator.sessions[0].responses.map(\.said) == [["ask"], ["ask"]])
            }
        }
    }

    @Test func `rules may be limited in number and to sessions`() async throws {
        let script = Script(
            pace: 1000,
            thinkMs: 0,
            rules: [
                Rule(.opening, [.say("long")], times: 1), Rule(.opening, [.say("bye")], timesPerSession: 1),
                Rule(.opening, [.say("confirm")], sessions: [2]), Rule(.opening, [.say("ask")]),
            ]
        )
        try await withSimulator(script) { simulator in
            for _ in 0..<2 {
                try await withSession(simulator) { peer in
                    for count in 1...3 {
                        try await peer.send(#"{"type":"response.create"}"#)
                        try await peer.wait("response.done", count: count)
                    }
                }
            }
            #expect(simulator.sessions[0].responses.map(\.said) == [["long"], ["bye"], ["ask"]])
            #expect(simulator.sessions[1].responses.map(\.said) == [["bye"], ["confirm"], ["confirm"]])
        }
    }
}

extension Peer {
    /// Gives a function's output and asks for the next response, as a client does.
    func answer(_ callID: String) async throws {
        try await self.send(
            #"{"type":"conversation.item.create","item":{"type":"function_call_output","call_id":"\#(callID)","output":"{}"}}"#
        )
        try await self.send(#"{"type":"response.create"}"#)
    }

    func create(_ role: String, _ type: String, _ text: String) async throws {
        try await self.send([
            "type": "conversation.item.create",
            "item": [
                "type": "message", "role": .string(role), "content": [["type": .string(type), "text": .string(text)]],
            ],
        ])
    }
}
