import CallEvents
import TestSupport
import Testing
import TwilioSimulator

/// Each stage is killed with SIGKILL in the middle of a scripted call and started again; of realtime-session
/// `SessionTakeOverTests` tell more.
@Suite(.timeLimit(.minutes(4)), .serialized)
struct KilledStageTests {
    @Test func `twilio-ingress is killed while the agent speaks`() async throws {
        try await self.expectCallSurvives(.agentBegan, toleratedProblems: [31903]) { $0.stack.ingresses[0] }
    }

    @Test func `audio-transcoder is killed while the business speaks`() async throws {
        try await self.expectCallSurvives(.business(.began(utterance: "price"))) { $0.stack.transcoders[0] }
    }

    @Test func `agent-coordinator is killed while the business speaks`() async throws {
        try await self.expectCallSurvives(.business(.began(utterance: "price"))) { $0.stack.coordinator }
    }

    @Test func `results-sink is killed while the business speaks`() async throws {
        try await self.expectCallSurvives(.business(.began(utterance: "price"))) { $0.stack.sink }
    }

    private func expectCallSurvives(
        _ moment: CallFact.Event,
        toleratedProblems: Set<Int> = [],
        killed stage: (PhoneWorld) -> StageProcess
    ) async throws {
        try await PhoneWorld.run { world in
            let sid = try await world.placeCall()
            try await world.wait(for: "\(moment)", in: sid) { $0 == moment }
            try await stage(world).killAndRestart()
            try await world.expectDemoCall(sid, toleratedProblems: toleratedProblems)
        }
    }
}
