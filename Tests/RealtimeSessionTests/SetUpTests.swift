import CallEvents
import JSON
import RealtimeSimulator
import Speech
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(3))) struct `Before the first word` {
    @Test func `the session is ready while the phone rings, configured, and for a user without a name`() async throws {
        try await Bench.run(rings: true) { bench in
            try await bench.withStage {
                try await eventually("the session is ready") { bench.has("session-ready") }
                #expect(!bench.has("stream-started"))
                try await bench.answer()
                try bench.phone.say("greeting")
                try await bench.agentFinished(1)
            }
            let session = try #require(bench.simulator.sessions.first)
            #expect(bench.simulator.sessions.count == 1)
            #expect(session.clientEvents.first?.type == "session.update")
            let configured = try #require(session.clientEvents.first?.body["session"])
            #expect(configured["instructions"]?.stringValue == bench.call.session.agent.instructions)
            let offered = configured["tools"]?.arrayValue?.compactMap { $0["name"]?.stringValue }
            #expect(offered == bench.call.session.agent.tools.map(\.name))
            let user = try #require(session.safetyIdentifier)
            #expect(user.count == 64 && !user.contains(Bench.userID))
            #expect(session.errors.isEmpty)
        }
    }

    @Test func `what the phone says before the model listens is answered`() async throws {
        var script = Script.demo
        script.faults = [SessionFault(.received(events: 1), .stall(ms: 4000))]
        try await Bench.run(script: script) { bench in
            try await bench.withStage {
                try await eventually("the stage owns the call") { bench.has("session-claimed") }
                try bench.phone.say("greeting")
                try await bench.agentFinished(1)
            }
            #expect(
                bench.conversation
                    == ["greeting", "ask"].enumerated().map { index, name in
                        "\(index == 0 ? "person" : "agent"): \(Speech.utterance(name)?.text ?? "")"
                    }
            )
            #expect(bench.simulator.sessions.flatMap(\.turns).map(\.utterances) == [["greeting"]])
        }
    }
}
