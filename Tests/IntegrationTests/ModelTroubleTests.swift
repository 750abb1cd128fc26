import CallEvents
import Foundation
import JSON
import Kafka
import NIOCore
import RealtimeSimulator
import Speech
import TestSupport
import Testing
import TwilioSimulator

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The whole system with a model whose sessions end early, whose account is used up, or that refuses the key.
@Suite(.timeLimit(.minutes(4)), .serialized)
struct ModelTroubleTests {
    private static let thirdPhoneNumber = "+15551234569"

    /// Says what makes the account run out of money.
    private static let unlucky: CallScript = {
        var script = CallScript()
        script.turns = [CallScript.Turn(.atOnce, say: "wait")]
        return script
    }()

    /// The demo's, with a silence in which a session can be renewed.
    private static let patient: CallScript = {
        var script = CallScript.demo
        script.turns[2].afterMs = 3000
        return script
    }()

    @Test
    func
        `sessions are renewed unheard, a call that cannot go on ends with an apology, and none is begun near the limit`()
        async throws
    {
        var configuration = Stack.Configuration()
        // So that what was played can be compared sample by sample with what was to be said.
        configuration.environment["VOICE_AUDIO_PATH"] = "passthrough"
        configuration.environment["VOICE_SESSION_AGE_SECONDS"] = "10"
        configuration.environment["TWILIO_CALLS_PER_SECOND"] = "100"
        var model = Script(tokensLeft: 0, tokenResetSeconds: 600)
        model.rules.append(Rule(.heard("wait"), [.fault(.fail(.init(code: "insufficient_quota")))]))
        try await PhoneWorld.run(
            configuration,
            business: Self.patient,
            numbers: [PhoneWorld.otherPhoneNumber: Self.unlucky],
            model: model,
            records: true
        ) { world in
            let lasting = try await world.placeCall()
            let ending = try await world.placeCall(to: PhoneWorld.otherPhoneNumber)
            try await Self.expectApology(in: ending, world)
            try await eventually("the limit is known", timeout: .seconds(60)) {
                try await world.events(of: lasting).contains { !$0.responseDone.responseID.isEmpty }
            }
            try await Self.expectRefusal(world)
            try await Self.expectUnheardRenewal(of: lasting, world)
            try await Self.expectFigures(world)
        }
    }

    private static func expectApology(in sid: CallSid, _ world: PhoneWorld) async throws {
        try await world.wait(for: "the call completes", in: sid) { $0 == .status("completed") }
        let said = try #require(world.twilio.call(sid)).events.compactMap { event in
            if case .said(let words) = event { words } else { nil }
        }
        #expect(said.count == 1 && said.first?.contains("technical problem") == true, "\(world.story(of: sid))")
        let events = try await world.events(of: sid)
        #expect(events.map(\.errorOccurred).filter(\.fatal).map(\.message) == ["insufficient_quota"])
        #expect(events.count { $0.eventID.hasPrefix("session-ended/") } == 1)
        #expect(events.count { $0.eventID.hasPrefix("session-ready/") } == 1, "it is not tried again")
    }

    private static func expectRefusal(_ world: PhoneWorld) async throws {
        let refused = try await world.placeCall(to: Self.thirdPhoneNumber)
        try await eventually("the call is over", timeout: .seconds(60), detail: world.story(of: refused)) {
            world.twilio.call(refused).map { ["completed", "canceled"].contains($0.details.status.rawValue) } ?? false
        }
        let errors = try await world.events(of: refused).map(\.errorOccurred).filter { !$0.code.isEmpty }
        #expect(errors.map(\.message) == ["near_rate_limit"])
        #expect(try await world.stack.session.metric("voice_sessions_refused_total") == 1)
    }

    private static func expectUnheardRenewal(of sid: CallSid, _ world: PhoneWorld) async throws {
        try await world.expectDemoCall(sid, isOnly: false)
        let sessions = try await world.events(of: sid).count { $0.eventID.hasPrefix("session-ready/") }
        #expect(sessions >= 2)
        #expect(!(try await world.events(of: sid).contains { !$0.errorOccurred.code.isEmpty }))
        let script = ["ask", "confirm", "bye"].compactMap { Speech.utterance($0) }.flatMap(\.mulaw)
        let path = try #require(world.twilio.call(sid)?.recordingPath)
        let heard = try HeardSpeech(recording: path, script: script)
        #expect(heard.lostMs == 0 && heard.repeatedMs == 0, "\(heard) \(world.story(of: sid))")
    }

    private static func expectFigures(_ world: PhoneWorld) async throws {
        let session = world.stack.session
        for name in [
            "realtime_renewals_total", "tokens_total", "cost_dollars_total", "turn_latency_seconds_count",
            "turn_heard_latency_seconds_count",
        ] {
            #expect(try await session.metric("voice_\(name)") > 0, "\(name)")
        }
        #expect(
            try await session.get("/metrics").body.contains("voice_realtime_limit_remaining_ratio{limit=\"tokens\"}")
        )
        #expect(try await session.metric("voice_realtime_limit_remaining_ratio") < 1.1, "no tokens, all requests")
    }

    // MARK: The key

    private static let key = "sk-proj-Not+For/Anybody's=Eyes"

    /// What the service answers with, one call after the other.
    private static let refusals: Script = {
        let message = "Incorrect API key provided: \(Self.key)."
        var script = Script.demo
        script.faults = [
            SessionFault(.upgrade, .refuse(status: 401), times: 1),
            SessionFault(.open(ms: 0), .error(.init(code: "invalid_api_key", message: message)), sessions: [1]),
            SessionFault(.open(ms: 0), .close(code: 3000, reason: message), sessions: [2]),
            SessionFault(.open(ms: 0), .garbage(message), sessions: [3]),
            SessionFault(.open(ms: 0), .error(.init(code: "unknown_parameter", message: message)), sessions: [3]),
            SessionFault(.open(ms: 50), .error(.init(code: "insufficient_quota", message: message)), sessions: [3]),
        ]
        return script
    }()

    @Test func `the key is in no log, no event and no crash report, however it is refused`() async throws {
        var configuration = Stack.Configuration()
        configuration.environment["OPENAI_API_KEY"] = Self.key
        configuration.environment["LOG_LEVEL"] = "trace"
        configuration.environment["SWIFT_BACKTRACE"] = "enable=yes,interactive=no,symbolicate=off"
        try await PhoneWorld.run(configuration, model: Self.refusals) { world in
            var seen = ""
            for _ in 0..<4 {
                let sid = try await world.placeCall()
                try await eventually("the call is over", timeout: .seconds(60), detail: world.story(of: sid)) {
                    world.twilio.call(sid).map { ["completed", "canceled"].contains($0.details.status.rawValue) }
                        ?? false
                }
                let events = try await world.events(of: sid)
                #expect(events.contains { $0.errorOccurred.fatal }, "\(world.story(of: sid))")
                for record in try await world.records(of: sid, on: .events) {
                    seen += record.value.map { String(decoding: $0.readableBytesView, as: UTF8.self) } ?? ""
                }
                seen += try await world.status(of: sid).text
            }
            seen += try await world.stack.session.get("/metrics").body
            let session = world.stack.session.program
            // The runtime writes its report at the first signal, and goes on when it came from outside.
            try await eventually("it has crashed", timeout: .seconds(60), every: .milliseconds(500)) {
                session.pid.map { kill($0, SIGABRT) == 0 } != true
            }
            for stage in world.stack.stages { seen += stage.program.log() }
            #expect(seen.contains("Connection to the model ended"))
            #expect(seen.contains("Program crashed"))
            for secret in Self.disguises(of: Self.key) { #expect(!seen.contains(secret)) }
        }
    }

    /// The key as it could be written, and its telling part.
    private static func disguises(of key: String) -> [String] {
        let base64 = Data(key.utf8).base64EncodedString().prefix { $0 != "=" }
        let bearer = Data("Bearer \(key)".utf8).base64EncodedString().prefix { $0 != "=" }
        let escaped = key.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? key
        return [key, String(base64), String(bearer), escaped, "Anybody"]
    }
}
