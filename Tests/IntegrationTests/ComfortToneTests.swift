import CallEvents
import RealtimeSimulator
import TestSupport
import Testing
import TwilioSimulator

/// The session is killed in the middle of a call and does not come back for a while.
@Suite(.timeLimit(.minutes(4)), .serialized)
struct ComfortToneTests {
    private static let deadAirMs = 3_200

    @Test func `without a session the caller hears a tone every 3 s, and with one the call goes on as scripted`()
        async throws
    {
        try await PhoneWorld.run(records: true) { world in
            let sid = try await world.placeCall()
            try await world.wait(for: "the agent speaks", in: sid) { $0 == .agentBegan }
            // The reply is whole, and known, long before it is played: its end is where dead air begins.
            try await eventually("the reply is known") {
                try await world.events(of: sid).contains { $0.utterance.speaker == .agent }
            }
            try await world.stack.session.program.kill()
            let tones = 3
            try await eventually("tones", detail: world.story(of: sid)) {
                (world.twilio.call(sid)?.events.count { $0 == .toneHeard } ?? 0) >= tones
            }
            try await world.stack.session.startAndWait()
            try await world.expectDemoCall(sid)
            #expect(try await world.stack.ingresses[0].metric("voice_comfort_tones_total") >= Double(tones))

            let path = try #require(world.twilio.call(sid)?.recordingPath)
            let recording = try StereoRecording(path: path)
            let toneMs = recording.tones
            try #require(toneMs.count >= tones)
            let lastToneMs = try #require(toneMs.last)
            let sounds = StereoRecording.sounds(in: recording.right).filter { $0.lowerBound <= lastToneMs + 20 }
            #expect(sounds.count >= tones + 1, "the agent's line, then the tones: \(sounds), \(toneMs)")
            for (sound, next) in zip(sounds, sounds.dropFirst()) {
                #expect(next.lowerBound - sound.upperBound <= Self.deadAirMs, "\(sounds)")
            }
        }
    }
}
