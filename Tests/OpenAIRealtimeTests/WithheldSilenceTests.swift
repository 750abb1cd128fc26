import CallEvents
import NIOCore
import OpenAIRealtime
import Testing

/// What the transcoder's silence gate leaves of a stream: holes in the numbers, and frames without audio in them.
@Suite struct `Silence that was kept from the model` {
    private func silence(_ sequence: UInt64, stream: UInt32 = 1, playout: AudioFrame.Playout? = nil) -> AudioFrame {
        var frame = Call.frame(sequence, stream: stream, atUs: self.time(sequence), playout: playout, codec: .pcm24k)
        frame.payload = ByteBuffer()
        return frame
    }

    private func audio(_ sequence: UInt64) -> AudioFrame {
        Call.frame(sequence, atUs: self.time(sequence), codec: .pcm24k)
    }

    private func time(_ sequence: UInt64) -> Int64 { 2_000_000 + Int64(sequence) * 20_000 }

    @Test func `is neither given nor missed`() {
        var call = Call.ready(.pcm24K)
        for sequence: UInt64 in 0..<3 { call.frame(self.audio(sequence)) }
        for sequence: UInt64 in [5, 10, 15] { call.frame(self.silence(sequence)) }
        call.frame(self.silence(10))
        call.frame(self.audio(17))
        #expect(call.appended == [0, 1, 2, 17])
        #expect(call.drops == [.repeated])
    }

    @Test func `tells how far the phone has played, up to the moment of a barge-in`() {
        var call = Call.ready(.pcm24K)
        call.frame(self.audio(0))
        call.turn("u1", frames: 0)
        call.reply("a1", in: "r1", ms: 400, codec: 48)
        call.frame(self.silence(5, playout: playout("a1", 80)))
        call.frame(self.silence(10, playout: playout("a1", 180)))
        call.forget()
        call.model(.speechStarted(itemID: "u2", audioStartMs: 20))
        #expect(call.commands.first == .truncate(itemID: "a1", contentIndex: 0, playedMs: 180))
    }

    @Test func `tells where the phone is when a stream begins with it`() {
        var call = Call.ready(.pcm24K)
        call.command(.say(.init()))
        call.reply("a1", in: "r1", ms: 40, codec: 48)
        #expect(call.played.isEmpty)
        call.frame(self.silence(5, stream: 2))
        #expect(call.played.map(\.streamEpoch) == [2, 2])
        #expect(call.drops.isEmpty)
    }

    @Test func `does not keep an unanswered turn from being given to the next session`() {
        var call = Call.ready(.pcm24K)
        call.model(.speechStarted(itemID: "u1", audioStartMs: 0))
        for sequence: UInt64 in 0..<80 { call.frame(self.audio(sequence)) }
        call.model(.speechStopped(itemID: "u1"))
        for sequence in stride(from: UInt64(80), to: 160, by: 5) { call.frame(self.silence(sequence)) }
        call.forget()
        call.actions += call.conversation.socketLost("test", atUs: call.atUs)
        call.frame(self.audio(161))
        call.connect()
        #expect(call.appended == Array(0..<80) + [161])
    }

    /// The model's clock counts the audio that it has: what lies before the take-over is 100 ms on it, however long ago
    /// it was said.
    @Test(arguments: [(startMs: 60, clears: 1), (startMs: 110, clears: 0)])
    func `does not count when the start of a turn is compared with the take-over`(startMs: Int, clears: Int) {
        var state = CallState()
        state.callSid = Call.sid
        state.session = Call.start(.pcm24K)
        state.streamEpoch = 1
        state.outboundPartition = 3
        var call = Call(restoring: state, atUs: self.time(100))
        call.start()
        for sequence: UInt64 in 40..<45 { call.frame(self.audio(sequence)) }
        for sequence in stride(from: UInt64(45), to: 120, by: 5) { call.frame(self.silence(sequence)) }
        for sequence: UInt64 in 121..<140 { call.frame(self.audio(sequence)) }
        call.connect()
        #expect(call.appended == Array(40..<45) + Array(121..<140))
        call.forget()
        call.model(.speechStarted(itemID: "u2", audioStartMs: startMs))
        call.model(.speechStopped(itemID: "u2"))
        call.reply("a2", in: "r2", ms: 40, codec: 48)
        #expect(call.clears.count == clears)
    }

    @Test func `does not exist on passthrough`() {
        var call = Call.ready(.passthrough)
        var frame = Call.frame(0)
        frame.payload = ByteBuffer()
        call.frame(frame)
        #expect(call.drops == [.unreadable])
    }
}
