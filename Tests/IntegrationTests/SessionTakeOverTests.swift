import CallEvents
import JSON
import Kafka
import RealtimeSimulator
import Speech
import TestSupport
import Testing
import TwilioSimulator

/// realtime-session dies, stands still or leaves at the worst moments of a call, whose phone records what it hears.
@Suite(.timeLimit(.minutes(5)), .serialized)
struct SessionTakeOverTests {
    private static let quote = Action.call("extract_quote", ["price": 45, "currency": "USD"])
    private static let farewell = Action.call("end_call", ["reason": "done"])

    /// Only greets.
    private static let brief: CallScript = {
        var script = CallScript()
        script.turns = [CallScript.Turn(.atOnce, say: "greeting")]
        return script
    }()

    /// Takes the pause of a take-over for no end of what the agent says.
    private static let patient: CallScript = {
        var script = Self.brief
        script.quietMs = 12_000
        script.turns.append(CallScript.Turn(.agentFinished, say: "price"))
        return script
    }()

    @Test func `killed in the person's sentence, in its own, and before it has hung up, it goes on each time`()
        async throws
    {
        let rules = [
            Rule(.heard("greeting"), [.say("long"), Self.quote]),
            Rule(.toolOutput("extract_quote"), [.say("confirm"), .wait(ms: 3000), Self.farewell]),
        ]
        try await Self.run(sessions: 1, Self.brief, rules, conversation: ["greeting", "long", "confirm"]) {
            world,
            sid in
            let session = world.stack.session
            try await world.personSpeaks("greeting", in: sid)
            try await session.killAndRestart()
            try await world.agentHasSaid(ms: 2000, in: sid)
            try await session.killAndRestart()
            // All is said, and the response, which is to end the call, is not done.
            try await eventually("its last words are said", timeout: .seconds(60), detail: world.story(of: sid)) {
                try await world.events(of: sid).contains { $0.utterance.text == Speech.utterance("confirm")?.text }
            }
            try await session.killAndRestart()
        }
    }

    @Test func `an owner that stood still for ten seconds is silent, and takes the call back when the other leaves`()
        async throws
    {
        let rules = [
            Rule(.heard("greeting"), [.say("long"), Self.quote]),
            Rule(.toolOutput("extract_quote"), [.say("confirm")]),
            Rule(.heard("price"), [.say("bye"), Self.farewell]),
        ]
        let conversation = ["greeting", "long", "confirm", "price", "bye"]
        try await Self.run(sessions: 2, Self.patient, rules, conversation: conversation) { world, sid in
            try await world.agentHasSaid(ms: 2000, in: sid)
            let owner = try await world.owner(of: sid)
            let other = try #require(world.stack.sessions.first { $0.name != owner.name })
            owner.program.suspend()
            // It is to have much to say that nobody may hear.
            try await Task.sleep(for: .seconds(10))
            try await eventually("the other takes over", timeout: .seconds(30)) {
                try await world.owner(of: sid).name == other.name
            }
            owner.program.resume()
            try await eventually("it is a member again", timeout: .seconds(60)) {
                (try? await owner.get("/readyz"))?.status == 200
            }
            try await eventually("it has let go of the model", timeout: .seconds(30)) {
                world.realtime.sessions.count { $0.isOpen } == 1
            }
            try await world.personSpeaks("price", in: sid)
            try await other.program.stop()
            #expect(other.program.exit == .code(0))
            #expect(owner.program.pid != nil)
        }
    }

    private static func run(
        sessions: Int,
        _ business: CallScript,
        _ rules: [Rule],
        conversation: [String],
        _ disturb: (PhoneWorld, CallSid) async throws -> Void
    ) async throws {
        var configuration = Stack.Configuration()
        configuration.sessionInstances = sessions
        // So that what was played can be compared sample by sample with what was to be said.
        configuration.environment["VOICE_AUDIO_PATH"] = "passthrough"
        // Hardly faster than it speaks: its replies are under way as long as they are heard.
        let model = Script(pace: 1.2, rules: rules)
        try await PhoneWorld.run(configuration, business: business, model: model, records: true) { world in
            let sid = try await world.placeCall()
            try await disturb(world, sid)
            let said = business.turns.compactMap(\.say)
            try await world.expectWholeCall(sid, of: conversation, agent: conversation.filter { !said.contains($0) })
        }
    }
}

extension PhoneWorld {
    /// The rest of a reply begins at a word, whose place in the audio the simulated model guesses; how far the reply was,
    /// is written down every 400 ms.
    private static let seamToleranceMs = 900

    /// Waits until the agent is in the middle of a reply of which so much was sent to the phone.
    fileprivate func agentHasSaid(ms: UInt32, in sid: CallSid) async throws {
        try await eventually("the agent speaks", timeout: .seconds(60), detail: self.story(of: sid)) {
            try await self.events(of: sid).contains { $0.replyProgressed.audioMs >= ms }
        }
    }

    /// Waits until the model has noticed that the person says this.
    fileprivate func personSpeaks(_ utterance: String, in sid: CallSid) async throws {
        let before = try await self.events(of: sid).count { $0.hasSpeechStarted }
        try await self.wait(for: utterance, in: sid, timeout: .seconds(90)) {
            $0 == .business(.began(utterance: utterance))
        }
        try await eventually("the model hears \(utterance)", detail: self.story(of: sid)) {
            try await self.events(of: sid).count { $0.hasSpeechStarted } > before
        }
    }

    fileprivate func owner(of sid: CallSid) async throws -> StageProcess {
        let claims = try await self.events(of: sid).map(\.sessionClaimed.instance).filter { !$0.isEmpty }
        return try #require(self.stack.sessions.first { $0.name == claims.last })
    }

    /// The call comes to its end; nothing of it is missing or there twice.
    fileprivate func expectWholeCall(_ sid: CallSid, of conversation: [String], agent: [String]) async throws {
        try await self.wait(for: "the call completes", in: sid, timeout: .seconds(120)) { $0 == .status("completed") }
        let call = try #require(self.twilio.call(sid))
        #expect(call.problems == [], "\(self.story(of: sid))")

        let lines = agent.compactMap { Speech.utterance($0) }
        var seams: [Int] = []
        var begin = 0
        for line in lines {
            let words = line.text.split(separator: " ").count
            seams += (1..<words).map { begin + line.mulaw.count * $0 / words }
            begin += line.mulaw.count
        }
        let heard = try HeardSpeech(
            recording: try #require(call.recordingPath),
            script: lines.flatMap(\.mulaw),
            seams: seams
        )
        #expect(
            heard.lostMs <= Self.seamToleranceMs && heard.repeatedMs <= Self.seamToleranceMs && heard.foreignMs <= 100,
            "\(heard) \(self.story(of: sid))"
        )
        try await self.expectWholeRecord(of: sid, conversation)
    }

    private func expectWholeRecord(of sid: CallSid, _ conversation: [String]) async throws {
        try await eventually("the read API knows the end", timeout: .seconds(30)) {
            try await self.status(of: sid)["status"] == "completed"
        }
        let status = try await self.status(of: sid)
        let texts = status["transcript"]?.arrayValue?.compactMap { $0["text"]?.stringValue } ?? []
        let expected = conversation.compactMap { Speech.utterance($0)?.text }
        // A reply that was cut off is two utterances, which meet at a word.
        #expect(texts.joined(separator: " ") == expected.joined(separator: " "), "\(texts)")
        #expect(status["quotes"]?.arrayValue?.map { $0["price"] } == ["45.00"])
        #expect(try await self.records(of: sid, on: .resultsQuotes).count == 1)
        let tools = try await self.events(of: sid).map(\.toolStarted.name).filter { !$0.isEmpty }
        #expect(tools.count { $0 == "extract_quote" } == 1, "\(tools)")
        #expect(tools.count { $0 == "end_call" } <= 1, "\(tools)")
    }
}

extension CallEvent {
    fileprivate var hasSpeechStarted: Bool { if case .speechStarted? = self.body { true } else { false } }
}
