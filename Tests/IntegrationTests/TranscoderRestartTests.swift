import SeededRandom
import TestSupport
import Testing

/// What restarts of audio-transcoder, and partitions that move, do to the audio: nothing.
@Suite(.timeLimit(.minutes(5)), .serialized)
struct TranscoderRestartTests {
    @Test func `killed, taken over, scaled and suspended in mid-word, it gives what an undisturbed one gives`()
        async throws
    {
        var random = SeededGenerator(seed: 4)
        try await TranscoderWorld.run(calls: 24) { world in
            for round in 1...2 {
                try await world.midWord(&random)
                try await world.first.killAndRestart()
                try await world.everyoneIsHeard(after: "kill \(round)")
            }
            #expect(world.repeats > 0, "a successor reads again what fills its filters")
            try await world.scaleOut()
            try await world.midWord(&random)
            try await world.killOneOfTwo()
            try await world.midWord(&random)
            try await world.first.program.stop()
            try await world.everyoneIsHeard(after: "scaling in")
            try await world.replaceSuspended()
        }
    }
}

extension TranscoderWorld {
    fileprivate func midWord(_ random: inout SeededGenerator) async throws {
        try await self.hears(.random(in: 5...40, using: &random), of: .random(in: 0..<24, using: &random))
    }

    fileprivate func scaleOut() async throws {
        try await self.second.startAndWait()
        try await self.hasCalls(self.second)
        try await self.everyoneIsHeard(after: "scaling out")
    }

    /// The first; it comes back.
    fileprivate func killOneOfTwo() async throws {
        try await self.first.program.kill()
        try await self.everyoneIsHeard(after: "the kill of one of two")
        try await self.first.startAndWait()
        try await self.hasCalls(self.first)
        try await self.everyoneIsHeard(after: "its return")
    }

    /// The second stands still until the first has its calls, and goes on as if they were its own.
    fileprivate func replaceSuspended() async throws {
        try await self.first.program.start()
        self.second.program.suspend()
        try await self.everyoneIsHeard(after: "the second stood still")
        self.second.program.resume()
        try await self.everyoneIsHeard(after: "the second went on")
        try await eventually("the second is a member again") {
            try await self.second.get("/readyz").status == 200
        }
        #expect(self.second.program.pid != nil)
    }

    private func hasCalls(_ stage: StageProcess) async throws {
        try await eventually("\(stage.program.logFile) has calls") {
            try await stage.metric("voice_transcoder_frames_out_total") > 0
        }
    }
}
