import CallEvents
import NIOCore
import OpenAIRealtime
import Testing

@Suite struct `Being there` {
    private static func signs(_ call: Call) -> [AudioFrame] {
        call.actions.compactMap { if case .alive(let frame) = $0 { frame } else { nil } }
    }

    @Test func `a conversation whose model listens says so in each second, to the phone that it has`() throws {
        var call = Call.ready()
        let beganAtUs = call.atUs
        call.hear(500)
        let signs = Self.signs(call)
        #expect(signs.map { $0.receivedAtUs / 1_000_000 } == Array(beganAtUs / 1_000_000...call.atUs / 1_000_000))
        // At once, then in the same 20 ms as every other call.
        #expect(signs.dropFirst().allSatisfy { $0.receivedAtUs % 1_000_000 < 20_000 })
        let sign = try #require(signs.first)
        #expect(sign.control == .alive && sign.payload.readableBytes == 0)
        #expect(sign.streamEpoch == 1 && sign.outboundPartition == 3 && sign.sessionEpoch == 7)
        #expect(sign.playoutEpoch == 0 && sign.sequence == 0)
    }

    @Test func `its numbers are the present ones, and the audio's have no gap for it`() {
        var call = Call.ready()
        call.turn("u1", frames: 100)
        call.reply("a1", in: "r1", ms: 2_000)
        call.hear(10, playout: playout("a1", 100))
        call.model(.speechStarted(itemID: "u2", audioStartMs: 0))
        call.forget()
        call.hear(60)
        call.restartSequence()
        call.hear(60, stream: 2)
        let signs = Self.signs(call)
        #expect(signs.map(\.playoutEpoch) == [1, 1])
        #expect(signs.map(\.streamEpoch) == [1, 2])
        call.model(.speechStopped(itemID: "u2"))
        call.reply("a2", in: "r2", ms: 100)
        let sequences = call.played.map(\.sequence)
        #expect(sequences == sequences.first.map { first in sequences.indices.map { first + UInt64($0) } })
    }

    @Test func `it says nothing while the model is away`() {
        var call = Call(Call.start())
        call.start()
        call.hear(200)
        #expect(Self.signs(call).isEmpty)
        call.connect()
        call.hear()
        #expect(Self.signs(call).count == 1)
        call.actions += call.conversation.socketLost("closed", atUs: call.atUs)
        call.hear(200)
        #expect(Self.signs(call).count == 1)
        call.connect()
        call.hear()
        #expect(Self.signs(call).count == 2)
    }

    @Test func `it says nothing when it has hung up, or is over`() {
        for hangsUp in [true, false] {
            var call = Call.ready()
            call.hear(10)
            call.forget()
            var end = EndSession()
            end.hangUpWhenPlayed = hangsUp
            call.command(.endSession(end))
            call.hear(200)
            #expect(Self.signs(call).isEmpty)
        }
    }

    @Test func `a clock that is set back does not silence it`() {
        var call = Call.ready()
        call.hear(10)
        call.atUs -= 500_000
        call.forget()
        call.hear(10)
        #expect(Self.signs(call).count == 1)
    }
}
