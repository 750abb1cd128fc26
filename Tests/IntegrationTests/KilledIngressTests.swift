import CallEvents
import RealtimeSimulator
import Speech
import TestSupport
import Testing
import TwilioSimulator

/// An ingress with many calls on it is killed while the agent speaks in all of them.
@Suite(.timeLimit(.minutes(5)), .serialized)
struct KilledIngressTests {
    private static let calls = 20
    private static let toleranceMs = 200

    private static let business: CallScript = {
        var script = CallScript()
        script.turns = [CallScript.Turn(.atOnce, say: "greeting"), CallScript.Turn(.agentFinished, hangUp: true)]
        return script
    }()

    /// Long enough for all calls to speak at the same time.
    private static let lines = ["long", "confirm", "ask"]
    private static let model = Script(rules: [Rule(.heard("greeting"), Self.lines.map { .say($0) })])

    @Test func `all its calls go on at the other one, and the agent loses and repeats next to nothing`() async throws {
        var configuration = Stack.Configuration()
        configuration.ingressInstances = 2
        // So that what was played can be compared sample by sample with what was to be said.
        configuration.environment["VOICE_AUDIO_PATH"] = "passthrough"
        configuration.environment["TWILIO_CALLS_PER_SECOND"] = "100"
        configuration.environment["LOG_LEVEL"] = "info"
        try await PhoneWorld.run(configuration, business: Self.business, model: Self.model, records: true) { world in
            let (killed, other) = (world.stack.ingresses[0], world.stack.ingresses[1])
            // All calls are to be on one: the proxy finds the other one dead until they are.
            other.program.suspend()
            let proxy = try #require(world.stack.program("haproxy"))
            try await eventually("HAProxy knows") { proxy.log().contains("twilio-ingress/ingress2 is DOWN") }
            let sids = try await Self.placeCalls(in: world)
            for sid in sids { try await world.wait(for: "the agent speaks", in: sid) { $0 == .agentBegan } }
            other.program.resume()
            try await killed.program.kill()

            for sid in sids {
                try await world.wait(for: "the end", in: sid, timeout: .seconds(120)) { $0 == .status("completed") }
            }
            for sid in sids {
                try Self.expectWhole(sid, world)
                #expect(try await world.streamStarts(of: sid).map(\.ingressInstance) == [killed.name, other.name])
            }
        }
    }

    private static func placeCalls(in world: PhoneWorld) async throws -> [CallSid] {
        try await withThrowingTaskGroup(of: CallSid.self) { group in
            for _ in 0..<Self.calls { group.addTask { try await world.placeCall() } }
            return try await group.reduce(into: []) { $0.append($1) }
        }
    }

    private static func expectWhole(_ sid: CallSid, _ world: PhoneWorld) throws {
        let call = try #require(world.twilio.call(sid))
        #expect(Set(call.problems).subtracting([31903]) == [], "\(world.story(of: sid))")
        let script = Self.lines.compactMap { Speech.utterance($0) }.flatMap(\.mulaw)
        let firstPartMs = call.events.prefix { if case .streamEnded = $0 { false } else { true } }.reduce(0) {
            sum,
            event in
            if case .agentEnded(let durationMs) = event { sum + durationMs } else { sum }
        }
        #expect(firstPartMs > 0 && firstPartMs < script.count / 8, "the agent spoke when the ingress was killed")
        let heard = try HeardSpeech(recording: try #require(call.recordingPath), script: script)
        #expect(
            heard.lostMs <= Self.toleranceMs && heard.repeatedMs <= Self.toleranceMs && heard.foreignMs == 0,
            "\(heard) \(world.story(of: sid))"
        )
    }
}
