import CallEvents
import Kafka
import TestSupport
import Testing
import TwilioSimulator

/// Whole calls of which the model does not get the silence: it decides by the audio that it has where a turn begins and
/// ends, and which words were said.
@Suite(.timeLimit(.minutes(4)), .serialized)
struct SilenceGateTests {
    private static var configuration: Stack.Configuration {
        var configuration = Stack.Configuration()
        configuration.environment["VOICE_SILENCE_GATE"] = "on"
        configuration.environment["VOICE_SILENCE_GATE_HANGOVER_MS"] = "1000"
        return configuration
    }

    @Test func `a call whose silence is kept from the model goes as any other, and what that saves is counted`()
        async throws
    {
        try await PhoneWorld.run(Self.configuration) { world in
            let sid = try await world.placeCall()
            try await world.expectDemoCall(sid)

            let transcoder = world.stack.transcoders[0]
            let seconds = try await transcoder.metric("voice_transcoder_gated_seconds_total")
            let frames = try await transcoder.metric("voice_transcoder_gated_frames_total")
            #expect(seconds > 0.5)
            #expect(abs(seconds - frames * 0.02) < 0.01)
            #expect(try await transcoder.metric("voice_transcoder_gate_changes_total") >= 2)
            // What it saved is what the model was not given.
            let phone = try await world.frames(of: sid, on: .audioInboundPhone)
            let model = try await world.frames(of: sid, on: .audioInboundModel)
            let given = model.count { !$0.isWithheldSilence }
            #expect(model.contains { $0.isWithheldSilence })
            #expect(abs(phone.count - given - Int(frames)) <= 10, "\(phone.count) frames, \(given) given")
            for reason in ["unreadable", "repeated", "overflow"] {
                let dropped = "voice_session_frames_dropped_total{reason=\"\(reason)\"}"
                #expect(try await world.stack.session.metric(dropped) == 0, "\(reason)")
            }
        }
    }

    @Test func `audio-transcoder is killed while the business speaks`() async throws {
        try await self.expectCallSurvives(.business(.began(utterance: "price"))) { $0.stack.transcoders[0] }
    }

    @Test func `realtime-session is killed while the business speaks`() async throws {
        try await self.expectCallSurvives(.business(.began(utterance: "price"))) { $0.stack.session }
    }

    private func expectCallSurvives(
        _ moment: CallFact.Event,
        killed stage: (PhoneWorld) -> StageProcess
    ) async throws {
        try await PhoneWorld.run(Self.configuration) { world in
            let sid = try await world.placeCall()
            try await world.wait(for: "\(moment)", in: sid) { $0 == moment }
            try await stage(world).killAndRestart()
            try await world.expectDemoCall(sid)
        }
    }
}

extension PhoneWorld {
    /// The call's frames on a topic so far, each once.
    fileprivate func frames(of sid: CallSid, on topic: Topic) async throws -> [AudioFrame] {
        var seen: Set<[UInt64]> = []
        return try await self.records(of: sid, on: topic)
            .map { try AudioFrame(record: #require($0.value)) }
            .filter { seen.insert([UInt64($0.streamEpoch), $0.sequence]).inserted }
    }
}
