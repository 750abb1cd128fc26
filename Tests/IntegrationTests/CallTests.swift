import TestSupport
import Testing

@Suite(.timeLimit(.minutes(4)), .serialized)
struct CallTests {
    @Test(arguments: ["pcm24k", "passthrough"])
    func `a call runs from ring to end, and its quote is there`(audioPath: String) async throws {
        var configuration = Stack.Configuration()
        configuration.environment["VOICE_AUDIO_PATH"] = audioPath
        try await PhoneWorld.run(configuration) { world in
            let sid = try await world.placeCall()
            try await world.expectDemoCall(sid)
        }
    }
}
