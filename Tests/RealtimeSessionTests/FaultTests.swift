import CallEvents
import RealtimeSession
import RealtimeSimulator
import Speech
import StageRuntime
import TestSupport
import Testing

/// What the service does wrong, one thing at a time, in a call of two turns.
@Suite(.timeLimit(.minutes(3))) struct `A service that misbehaves` {
    private static let whole =
        ["person: greeting", "agent: ask", "person: goodbye", "agent: bye"].map { line in
            let parts = line.split(separator: ": ")
            return "\(parts[0]): \(Speech.utterance(String(parts[1]))?.text ?? "")"
        } + ["tool: end_call true"]

    private static func greet(_ bench: Bench) async throws {
        try await eventually("the session is ready") { bench.has("session-ready") }
        try bench.phone.say("greeting")
    }

    private static func finish(_ bench: Bench) async throws {
        try await bench.agentFinished(1)
        try bench.phone.say("goodbye")
        try await eventually("the agent hangs up") { bench.phone.hungUp }
        try await bench.completed()
        try await eventually("the session has ended") { bench.has("session-ended") }
    }

    /// Nothing was said twice, nothing is missing.
    private static func check(_ bench: Bench) {
        #expect(bench.conversation == Self.whole)
        #expect(bench.phone.played.count == 2, "\(bench.phone.played)")
        #expect(!bench.events.contains { $0.errorOccurred.fatal })
        #expect(bench.has("session-ended") && !bench.has("session-ended", count: 2))
    }

    private static func fault(_ moment: SessionFault.Moment, _ fault: Fault) -> SessionFault {
        SessionFault(moment, fault, times: 1)
    }

    // MARK: What passes

    /// A fault, and how many sessions the call takes with it.
    static let passing: [(SessionFault, sessions: Int)] = [
        (Self.fault(.upgrade, .refuse(status: 503)), 1),
        (Self.fault(.open(ms: 0), .drop), 2),
        (Self.fault(.received(events: 1), .stall(ms: 1500)), 1),
        (Self.fault(.open(ms: 0), .error(.init(code: "server_error"))), 1),
        (Self.fault(.open(ms: 0), .error(.init(code: "unknown_parameter"))), 1),
        (Self.fault(.sent(events: 3), .garbage(#"{"type": "response.output_audio.delta", "delta": 5}"#)), 1),
        (Self.fault(.sent(events: 4), .garbage("nonsense")), 1),
        (Self.fault(.heard(ms: 1200), .expire), 2),
        (Self.fault(.heard(ms: 1200), .close(code: 1011, reason: "internal")), 2),
        (Self.fault(.heard(ms: 1200), .stall(ms: 800)), 1),
    ]

    @Test(arguments: Self.passing)
    func `it passes, and the call goes on`(_ fault: SessionFault, sessions: Int) async throws {
        var script = Script.demo
        script.faults = [fault]
        try await Bench.run(script: script) { bench in
            try await bench.withStage {
                try await Self.greet(bench)
                try await Self.finish(bench)
            }
            Self.check(bench)
            #expect(bench.simulator.sessions.count == sessions)
        }
    }

    @Test func `the connection breaks while the person speaks`() async throws {
        try await Bench.run { bench in
            try await bench.withStage {
                try await Self.greet(bench)
                try await eventually("the person speaks") { bench.has("speech-started") }
                bench.simulator.dropConnections()
                try await Self.finish(bench)
            }
            Self.check(bench)
            #expect(bench.simulator.sessions.count == 2)
        }
    }

    @Test func `the connection breaks while a tool runs`() async throws {
        try await Bench.run { bench in
            try await bench.withStage {
                try await Self.greet(bench)
                try await bench.agentFinished(1)
                try bench.phone.say("price")
                try await eventually("the tool is asked for", every: .milliseconds(1)) { bench.has("tool-requested") }
                bench.simulator.dropConnections()
                try await bench.agentFinished(2)
            }
            #expect(bench.call.quotes.map(\.price) == ["45.00"])
            let tools = bench.events.map(\.toolRequested.call.name).filter { !$0.isEmpty }
            #expect(tools == ["extract_quote"])
            #expect(bench.conversation.last == "agent: \(Speech.utterance("confirm")?.text ?? "")")
            #expect(bench.phone.played.count == 2)
        }
    }

    // MARK: A dead connection

    private static let muted: Script = {
        var script = Script.demo
        script.rules.insert(
            Rule(.heard("greeting"), [.say("ask", fault: .mute, faultAtMs: 1500)], times: 1),
            at: 0
        )
        return script
    }()

    @Test func `a connection that plays dead is left within a second, and the reply goes on`() async throws {
        try await Bench.run(script: Self.muted) { bench in
            try await bench.withStage(silenceLimit: .seconds(1)) {
                try await Self.greet(bench)
                try await eventually("the reply began") { !bench.phone.played.isEmpty }
                let began = ContinuousClock.now
                try await eventually("another session") { bench.has("session-ready", count: 2) }
                // At once would be within 1.2 s.
                #expect(ContinuousClock.now - began < .seconds(10))
                try await bench.agentFinished(2)
                try await Self.finish(bench)
            }
            let lost = bench.events.map(\.errorOccurred).filter { $0.code == "realtime_connection_lost" }
            #expect(lost.map(\.message) == ["silent"])
            // The beginning and the rest of one reply.
            #expect(bench.conversation.count == Self.whole.count + 1)
            #expect(
                bench.conversation[1...2].map { $0.dropFirst("agent: ".count) }.joined(separator: " ")
                    == Speech.utterance("ask")?.text ?? ""
            )
            #expect(bench.phone.clears == 0)
        }
    }

    @Test func `with a long limit it is not left`() async throws {
        try await Bench.run(script: Self.muted) { bench in
            try await bench.withStage(silenceLimit: .seconds(30)) {
                try await Self.greet(bench)
                try await eventually("the reply began") { !bench.phone.played.isEmpty }
                try await Task.sleep(for: .seconds(4))
            }
            #expect(bench.simulator.sessions.count == 1)
            #expect(!bench.has("error"))
        }
    }

    // MARK: What does not pass

    static let refusals: [([SessionFault], reason: String)] = [
        ([Self.fault(.upgrade, .refuse(status: 401))], "http_401"),
        ([Self.fault(.open(ms: 0), .error(.init(code: "invalid_api_key")))], "invalid_api_key"),
        (
            [
                Self.fault(.open(ms: 0), .error(.init(code: "invalid_model"))),
                Self.fault(.open(ms: 0), .close(code: 4000, reason: "invalid_request_error.invalid_model")),
            ],
            "invalid_model"
        ),
        ([Self.fault(.open(ms: 0), .close(code: 3000, reason: ""))], "closed_3000"),
        ([Self.fault(.open(ms: 500), .error(.init(code: "insufficient_quota")))], "insufficient_quota"),
        ([Self.fault(.open(ms: 0), .format("audio/pcma"))], "audio_format"),
    ]

    @Test(arguments: Self.refusals)
    func `it will not do better, and is not asked again`(_ faults: [SessionFault], reason: String) async throws {
        var script = Script.demo
        script.faults = faults
        try await Bench.run(script: script) { bench in
            try await bench.withStage {
                try await eventually("the end of the session") { bench.has("session-ended") }
            }
            let errors = bench.events.map(\.errorOccurred).filter { !$0.code.isEmpty }
            #expect(errors.filter(\.fatal).map(\.message) == [reason])
            #expect(!bench.has("session-ended", count: 2))
            #expect(bench.simulator.sessions.count + bench.simulator.refusedUpgrades == 1)
            #expect(bench.call.ending)
        }
    }

    // MARK: TLS

    @Test(arguments: [false, true])
    func `a certificate that nobody vouches for is refused, unless its root is trusted`(isTrusted: Bool) async throws {
        try await Bench.run { bench in
            try await TLSFront.run(before: await bench.simulator.port) { front in
                let secure = { (configuration: inout SessionConfiguration) in
                    configuration.url = "wss://localhost:\(front.port)/v1/realtime"
                    configuration.trustedRootsFile = isTrusted ? front.rootsFile : nil
                }
                try await bench.withStage(configure: secure) {
                    if isTrusted {
                        try await eventually("the session is ready") { bench.has("session-ready") }
                    } else {
                        try await eventually("the stage owns the call") { bench.has("session-claimed") }
                        // For several attempts.
                        try await Task.sleep(for: .seconds(2))
                    }
                }
            }
            #expect(bench.simulator.sessions.count == (isTrusted ? 1 : 0))
            #expect(bench.has("session-ready") == isTrusted)
        }
    }

    // MARK: Who is spoken to first

    @Test func `an opening line that the first owner did not get to say is said by the next, once`() async throws {
        var script = Script.demo
        script.thinkMs = 2000
        try await Bench.run(direction: "inbound", script: script) { bench in
            try await bench.withStage {
                try await eventually("the line is asked for") {
                    bench.simulator.sessions.first?.clientEvents.contains { $0.type == "response.create" } == true
                }
            }
            #expect(bench.phone.played.isEmpty)
            try await bench.withStage(instance: "s2") { try await bench.agentFinished(1) }
            #expect(bench.conversation == ["agent: \(Speech.utterance("ask")?.text ?? "")"])
            #expect(bench.phone.played.count == 1)
        }
    }

    @Test func `another agent is one update and its first line; when nobody answers it hangs up`() async throws {
        var script = Script.demo
        script.rules = [Rule(.heard("greeting"), [.say("ask")]), Rule(.opening, [.say("sorry")])]
        try await Bench.run(script: script) { bench in
            try await bench.withStage {
                try await Self.greet(bench)
                try await bench.agentFinished(1)
                var command = CallCommand()
                command.commandID = "update/1"
                command.callSid = bench.callSid
                command.updateSession.agent = bench.call.session.agent
                command.updateSession.agent.instructions = "You take orders."
                command.updateSession.agent.opening = "Say that you take orders."
                command.updateSession.agent.settings.idle.seconds = 1
                command.updateSession.agent.settings.idle.prompts = 1
                try await bench.deliver(command)
                try await eventually("the agent hangs up") { bench.phone.hungUp }
            }
            let events = bench.simulator.sessions.first?.clientEvents.map(\.type) ?? []
            #expect(events == ["session.update", "session.update"] + Array(repeating: "response.create", count: 3))
            #expect(bench.events.map(\.timerFired.timer).filter { !$0.isEmpty } == ["idle_prompt", "idle_goodbye"])
            #expect(bench.phone.played.count == 4)
        }
    }
}
