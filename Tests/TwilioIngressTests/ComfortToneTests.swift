import Audio
import CallEvents
import NIOCore
import TestSupport
import Testing
import TwilioMedia
import TwilioSimulator

@testable import TwilioIngress

/// What the person hears while the call has no session.
@Suite(.timeLimit(.minutes(3))) struct ComfortToneTests {
    private static func turnOn(_ configuration: inout IngressConfiguration) {
        configuration.hasComfortTone = true
    }

    @Test func `without a session the line hears tones, until there is one`() async throws {
        try await Ingress.run(adjust: Self.turnOn) { ingress in
            try await ingress.call { line in
                try await eventually("two tones") { line.audio.count >= 2 * ComfortTone.frames.count }
                #expect(Array(line.audio.prefix(15)) == ComfortTone.frames)
                #expect(line.audio.allSatisfy { ComfortTone.contains($0) } && line.marks.isEmpty)

                var speech = SpeechMaker()
                try await ingress.play([speech.frame(.alive)] + speech.audio("a", ms: 100))
                try await eventually("the agent's words") { line.marks.count == 1 }
                let words = line.audio.filter { !ComfortTone.contains($0) }
                #expect(words == Array(repeating: ByteBuffer(repeating: 7, count: 160), count: 5))
                // The tone that may have been on its way is not stopped for it.
                #expect(!line.commands.contains(.clear))
            }
        }
    }

    @Test func `a session that was alive and is gone leaves tones, which change no position and no length`()
        async throws
    {
        var script = CallScript()
        script.answerAfterMs = 50
        script.turns = [.init(.agentFinished, afterMs: 60_000, hangUp: true)]
        try await SimulatedTwilio.run(script) { twilio in
            try await twilio.withIngress(adjust: Self.turnOn) { ingress in
                let call = try await twilio.call(from: ingress)
                try await eventually("the stream") {
                    try await call.events().contains { $0.eventID == "stream-started/\(call.callSid)/1" }
                }
                var speech = SpeechMaker()
                try await call.play(
                    [speech.frame(.alive)] + speech.audio("a", ms: 400) + [speech.frame(.endOfItem, "a")]
                )
                try await eventually("tones") {
                    try twilio.snapshot(call).events.count { $0 == .toneHeard } >= 2
                }
                #expect(try await call.inboundFrames().last?.playout == .init(itemID: "a", playedMs: 400))

                speech.session = 6
                try await call.play(
                    [speech.frame(.alive)] + speech.audio("b", ms: 400) + [speech.frame(.endOfItem, "b")]
                )
                try await eventually("all of it was played") {
                    try await call.inboundFrames().last?.playout == .init(itemID: "b", playedMs: 400)
                }
                try await call.play([speech.frame(.hangUp)])
                try await eventually("completed") {
                    try await call.events().contains { $0.statusChanged.status == "completed" }
                }
                let snapshot = try twilio.snapshot(call)
                #expect(snapshot.heardMs == 800)
                #expect(snapshot.problems.allSatisfy { $0 == 31_921 }, "\(snapshot.problems)")
            }
        }
    }
}
