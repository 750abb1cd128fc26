import CallEvents
import Foundation
import Kafka
import RealtimeSimulator
import Speech
import TestSupport
import Testing
import TwilioSimulator

/// What `call-recorder` makes of the topics, compared with what the simulated phone recorded of itself.
@Suite(.timeLimit(.minutes(5)), .serialized)
struct CallRecorderTests {
    /// Interrupts the agent.
    private static let interrupting: CallScript = {
        var script = CallScript()
        script.turns = [
            CallScript.Turn(.atOnce, say: "greeting"), CallScript.Turn(.agentSpeaking, afterMs: 2_500, say: "wait"),
            CallScript.Turn(.agentFinished, say: "goodbye"),
            CallScript.Turn(.agentFinished, hangUp: true),
        ]
        return script
    }()

    /// Its stream breaks while the agent speaks.
    private static let dropping: CallScript = {
        var script = CallScript()
        script.turns = [CallScript.Turn(.atOnce, say: "greeting"), CallScript.Turn(.agentFinished, hangUp: true)]
        script.faults.dropSocketAtMs = [6_500]
        return script
    }()

    private static let model = Script(rules: [
        Rule(.heard("greeting"), [.say("long")]), Rule(.heard("wait"), [.say("confirm")]),
        Rule(.heard("goodbye"), [.say("bye")]),
    ])

    @Test(arguments: ["pcm24k", "passthrough"])
    func `the recording is what the phone played, cut where it was cut`(audioPath: String) async throws {
        var configuration = Stack.Configuration()
        configuration.environment["VOICE_AUDIO_PATH"] = audioPath
        configuration.environment["VOICE_RECORDING"] = "on"
        configuration.environment["TWILIO_CALLS_PER_SECOND"] = "100"
        try await PhoneWorld.run(
            configuration,
            business: Self.interrupting,
            numbers: [PhoneWorld.otherPhoneNumber: Self.dropping],
            model: Self.model,
            records: true
        ) { world in
            let interrupted = try await world.placeCall()
            let dropped = try await world.placeCall(to: PhoneWorld.otherPhoneNumber)
            let following = try await Self.recorder(of: interrupted, in: world, options: ["--follow"])
            for sid in [interrupted, dropped] {
                try await world.wait(for: "the end", in: sid, timeout: .seconds(120)) { $0 == .status("completed") }
            }
            #expect(try await world.streamStarts(of: dropped).count == 2)

            // Written while the call went on, it ends with the call.
            #expect(try await following.exited(within: .seconds(60)) == .code(0), "\(following.logTail())")
            try Self.compare(following, interrupted, world)
            let later = try await Self.recorder(of: dropped, in: world)
            #expect(try await later.exited(within: .seconds(60)) == .code(0), "\(later.logTail())")
            try Self.compare(later, dropped, world)
        }
    }

    @Test func `a call whose ingress was killed is one recording`() async throws {
        var configuration = Stack.Configuration()
        configuration.ingressInstances = 2
        var business = Self.dropping
        business.faults.dropSocketAtMs = []
        try await PhoneWorld.run(configuration, business: business, model: Self.model, records: true) { world in
            let sid = try await world.placeCall()
            try await world.wait(for: "the agent speaks", in: sid) { $0 == .agentBegan }
            try await world.ingresses(of: sid).holder.program.kill()
            try await world.wait(for: "the end", in: sid, timeout: .seconds(120)) { $0 == .status("completed") }
            #expect(Set(try await world.streamStarts(of: sid).map(\.outboundPartition)).count == 2)
            let recorder = try await Self.recorder(of: sid, in: world)
            #expect(try await recorder.exited(within: .seconds(60)) == .code(0), "\(recorder.logTail())")
            try Self.compare(recorder, sid, world)
        }
    }

    @Test func `a call that is not in the topics is said to be missing, and where`() async throws {
        let broker = try EmbeddedBroker(prefix: "voice.", partitions: 4)
        let program = Program(
            "call-recorder",
            arguments: [
                "CA00000000000000000000000000000001", "--bootstrap", broker.bootstrapServers, "--profile", "embedded",
            ],
            environment: ["VOICE_TOPIC_PARTITIONS": "4"],
            logFile: "/tmp/call-recorder-\(UUID()).log"
        )
        defer { try? FileManager.default.removeItem(atPath: program.logFile) }
        try await program.start()
        #expect(try await program.exited(within: .seconds(60)) == .code(1))
        #expect(program.log().contains("voice.audio.inbound.phone["), "\(program.log())")
        #expect(program.log().contains("VOICE_RECORDING=on"))
    }

    private static func recorder(
        of sid: CallSid,
        in world: PhoneWorld,
        options: [String] = []
    ) async throws -> Program {
        let stack = world.stack
        // The events know the call when its stream has begun.
        try await eventually("a stream of the call") { try await !world.streamStarts(of: sid).isEmpty }
        let program = Program(
            "call-recorder",
            arguments: [sid.rawValue, "--output", "\(stack.directory)/\(sid).wav"] + options,
            environment: [
                "KAFKA_BOOTSTRAP_SERVERS": stack.kafka.bootstrapServers,
                "VOICE_KAFKA_PROFILE": stack.kafka.profile.rawValue,
                "VOICE_TOPIC_PREFIX": stack.topics.prefix,
                "VOICE_TOPIC_PARTITIONS": "\(stack.topics.partitions)",
            ],
            logFile: "\(stack.directory)/call-recorder-\(sid).log"
        )
        try await program.start()
        return program
    }

    private static func compare(_ recorder: Program, _ sid: CallSid, _ world: PhoneWorld) throws {
        let call = try #require(world.twilio.call(sid))
        let phone = try StereoRecording(path: try #require(call.recordingPath))
        let recorded = try StereoRecording(path: "\(world.stack.directory)/\(sid).wav")
        if let keep = ProcessInfo.processInfo.environment["KEEP_RECORDINGS"] {
            try? FileManager.default.copyItem(atPath: call.recordingPath ?? "", toPath: "\(keep)/\(sid)-phone.wav")
            try? FileManager.default.copyItem(
                atPath: "\(world.stack.directory)/\(sid).wav",
                toPath: "\(keep)/\(sid)-recorded.wav"
            )
        }
        let comment = "\(recorder.log()) \(world.story(of: sid))"

        // The phone's axis begins at the answer, the recording's with the first audio: the greeting tells how far apart.
        let greeting = try #require(StereoRecording.sounds(in: phone.left).first)
        let offset = StereoRecording.shift(
            of: recorded.left,
            on: phone.left,
            from: greeting.lowerBound * 8,
            count: 8_000,
            shifts: stride(from: -8_000, through: 24_000, by: 8)
        )
        #expect(offset.likeness > 0.99, "\(offset) \(comment)")
        #expect(abs(phone.left.count - offset.samples - recorded.left.count) <= 8 * 500, "\(comment)")
        for (track, other) in [(phone.left, recorded.left), (phone.right, recorded.right)] {
            Self.expectAligned(track, other, offset: offset.samples, comment)
            let sounds = (StereoRecording.sounds(in: track), StereoRecording.sounds(in: other))
            #expect(sounds.0.count == sounds.1.count, "\(sounds) \(comment)")
            for (expected, found) in zip(sounds.0, sounds.1) {
                let (begin, end) = (found.lowerBound + offset.samples / 8, found.upperBound + offset.samples / 8)
                #expect(abs(begin - expected.lowerBound) <= 100, "\(sounds) \(comment)")
                #expect(abs(end - expected.upperBound) <= 100, "\(sounds) \(comment)")
            }
        }
    }

    /// Each half second of a track with sound in it is there, within 40 ms of its place.
    private static func expectAligned(_ track: [Int16], _ other: [Int16], offset: Int, _ comment: String) {
        let window = 4_000
        var alike = 0
        var loud = 0
        for start in stride(from: 0, to: track.count - window, by: window) {
            let energy = track[start..<start + window].reduce(0.0) { $0 + Double($1) * Double($1) }
            guard energy / Double(window) > 100_000 else { continue }
            loud += 1
            let found = StereoRecording.shift(
                of: other,
                on: track,
                from: start,
                count: window,
                shifts: stride(from: offset - 640, through: offset + 640, by: 4)
            )
            if found.likeness > 0.9, abs(found.samples - offset) <= 320 { alike += 1 }
        }
        // A window that a sentence is cut in need not be alike.
        #expect(loud > 3 && alike >= loud - 2, "\(alike) of \(loud) \(comment)")
    }
}
