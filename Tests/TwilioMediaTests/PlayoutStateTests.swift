import CallEvents
import NIOCore
import SeededRandom
import Testing
import TwilioMedia

/// Drives a `PlayoutState` with a clock of its own.
private struct Playout {
    var state = PlayoutState(streamEpoch: 1)
    var nowUs: Int64 = 1_000_000_000
    private var sequence: UInt64 = 0

    mutating func advance(ms: Int64) { self.nowUs += ms * 1_000 }

    mutating func send(
        _ control: AudioFrame.Control = .none,
        item: String = "a",
        session: Int64 = 10,
        playout: UInt32 = 0,
        stream: UInt32 = 1,
        sequence: UInt64? = nil
    ) -> PlayoutState.Step {
        defer { if control != .clear, sequence == nil { self.sequence += 1 } }
        let frame = AudioFrame(
            codec: .pcmu,
            payload: control == .none ? ByteBuffer(repeating: 7, count: 160) : ByteBuffer(),
            streamEpoch: stream,
            sequence: sequence ?? self.sequence,
            sessionEpoch: session,
            playoutEpoch: playout,
            itemID: item,
            control: control
        )
        return self.state.received(frame, nowUs: self.nowUs)
    }

    /// - Returns: the marks asked for.
    mutating func speak(item: String = "a", ms: Int, session: Int64 = 10, playout: UInt32 = 0) -> [String] {
        var marks: [String] = []
        for _ in 0..<ms / 20 {
            let step = self.send(item: item, session: session, playout: playout)
            #expect(step.audio != nil && step.dropped == nil)
            if let mark = step.mark { marks.append(mark) }
        }
        return marks
    }

    mutating func acknowledge(_ mark: String) -> PlayoutState.Acknowledged {
        self.state.acknowledged(mark: mark, nowUs: self.nowUs)
    }

    var position: AudioFrame.Playout? { self.state.position(nowUs: self.nowUs) }
}

@Suite struct PlayoutStateTests {
    @Test func `asks for a mark every 100 ms of an item and at its end`() {
        var playout = Playout()
        #expect(playout.speak(ms: 250 / 20 * 20).count == 2)
        #expect(playout.send(.endOfItem).mark != nil)
        #expect(playout.send(.endOfItem).mark == nil)
        #expect(playout.speak(item: "b", ms: 80).isEmpty)
        #expect(playout.speak(item: "b", ms: 20).count == 1)
        #expect(playout.send(.endOfItem, item: "b").mark == nil)
    }

    @Test func `the position is what marks prove, and never past the next mark`() {
        var playout = Playout()
        #expect(playout.position == nil)
        let marks = playout.speak(ms: 300)
        #expect(playout.position == nil)
        playout.advance(ms: 60)
        #expect(playout.position == .init(itemID: "a", playedMs: 60))
        playout.advance(ms: 500)
        #expect(playout.position == .init(itemID: "a", playedMs: 100))
        #expect(playout.acknowledge(marks[0]) == .played)
        #expect(playout.position == .init(itemID: "a", playedMs: 100))
        playout.advance(ms: 30)
        #expect(playout.position == .init(itemID: "a", playedMs: 130))
        #expect(playout.acknowledge(marks[2]) == .played)
        playout.advance(ms: 5_000)
        #expect(playout.position == .init(itemID: "a", playedMs: 300))
        #expect(playout.state.unplayedMs(nowUs: playout.nowUs) == 0)
    }

    @Test func `audio behind the last mark is played by the clock, as far as it was sent`() {
        var playout = Playout()
        #expect(playout.speak(ms: 60).isEmpty)
        playout.advance(ms: 1_000)
        #expect(playout.position == .init(itemID: "a", playedMs: 60))
    }

    @Test func `an item queued behind another is counted from its own start`() {
        var playout = Playout()
        let first = playout.speak(item: "a", ms: 100)
        let second = playout.speak(item: "b", ms: 200)
        playout.advance(ms: 100)
        #expect(playout.acknowledge(first[0]) == .played)
        #expect(playout.position == .init(itemID: "a", playedMs: 100))
        playout.advance(ms: 40)
        #expect(playout.position == .init(itemID: "b", playedMs: 40))
        #expect(playout.acknowledge(second[1]) == .played)
        #expect(playout.position == .init(itemID: "b", playedMs: 200))
    }

    @Test func `a pause between items does not count as playing`() {
        var playout = Playout()
        let marks = playout.speak(item: "a", ms: 100)
        #expect(playout.acknowledge(marks[0]) == .played)
        playout.advance(ms: 10_000)
        _ = playout.speak(item: "b", ms: 100)
        #expect(playout.position == .init(itemID: "a", playedMs: 100))
        playout.advance(ms: 20)
        #expect(playout.position == .init(itemID: "b", playedMs: 20))
    }

    @Test func `marks that come back after a clear prove nothing`() {
        var playout = Playout()
        let marks = playout.speak(ms: 500)
        playout.advance(ms: 110)
        #expect(playout.acknowledge(marks[0]) == .played)
        playout.advance(ms: 40)
        #expect(playout.send(.clear, playout: 1) == .init(clear: true))
        for mark in marks { #expect(playout.acknowledge(mark) == .ignored) }
        playout.advance(ms: 1_000)
        #expect(playout.position == .init(itemID: "a", playedMs: 140))
        #expect(playout.state.unplayedMs(nowUs: playout.nowUs) == 0)

        let later = playout.speak(item: "b", ms: 100, playout: 1)
        #expect(Set(marks).isDisjoint(with: later))
        playout.advance(ms: 50)
        #expect(playout.position == .init(itemID: "b", playedMs: 50))
        #expect(playout.acknowledge(later[0]) == .played)
        #expect(playout.position == .init(itemID: "b", playedMs: 100))
    }

    @Test func `clear is sent once, at the first record of a higher playout epoch`() {
        var playout = Playout()
        _ = playout.speak(ms: 100)
        let first = playout.send(item: "b", playout: 1)
        #expect(first.clear && first.audio != nil)
        #expect(playout.send(.clear, playout: 1) == .init())
        #expect(playout.send(item: "a", playout: 0) == .init(dropped: .stalePlayout))
        #expect(playout.send(.endOfItem, item: "a", playout: 0) == .init(dropped: .stalePlayout))
        #expect(playout.send(.clear, playout: 0) == .init())
        #expect(playout.send(item: "b", playout: 1).audio != nil)
    }

    @Test func `a stream that has sent nothing has nothing to clear`() {
        var playout = Playout()
        #expect(playout.send(.clear, playout: 3) == .init())
        let step = playout.send(item: "a", playout: 4)
        #expect(!step.clear && step.audio != nil)
    }

    @Test func `a new session fences the old one and lets its audio play out`() {
        var playout = Playout()
        let marks = playout.speak(ms: 100, session: 10, playout: 5)
        let step = playout.send(item: "b", session: 11, playout: 0, sequence: 0)
        #expect(!step.clear && step.audio != nil)
        #expect(playout.send(session: 10, playout: 6) == .init(dropped: .staleSession))
        #expect(playout.send(.clear, session: 10, playout: 7) == .init(dropped: .staleSession))
        #expect(playout.acknowledge(marks[0]) == .played)
        #expect(playout.send(.clear, session: 11, playout: 1) == .init(clear: true))
    }

    @Test func `repeated frames and those of another stream are dropped`() {
        var playout = Playout()
        #expect(playout.send(sequence: 4).audio != nil)
        #expect(playout.send(sequence: 4) == .init(dropped: .repeated))
        #expect(playout.send(sequence: 3) == .init(dropped: .repeated))
        #expect(playout.send(stream: 2, sequence: 9) == .init(dropped: .otherStream))
        #expect(playout.send(sequence: 9).audio != nil)
        #expect(playout.send(.hangUp, sequence: 9) == .init(dropped: .repeated))
    }

    @Test func `only 20 ms of mu-law is played`() {
        var state = PlayoutState(streamEpoch: 1)
        let short = AudioFrame(codec: .pcmu, payload: ByteBuffer(repeating: 0, count: 159), streamEpoch: 1)
        #expect(state.received(short, nowUs: 0) == .init(dropped: .badAudio))
        let pcm = AudioFrame(codec: .pcm24k, payload: ByteBuffer(repeating: 0, count: 160), streamEpoch: 1, sequence: 1)
        #expect(state.received(pcm, nowUs: 0) == .init(dropped: .badAudio))
    }

    @Test func `hangs up when everything before it was played`() throws {
        var playout = Playout()
        let marks = playout.speak(ms: 200)
        let hangUp = try #require(playout.send(.hangUp).mark)
        #expect(playout.state.isHangingUp)
        #expect(playout.state.unplayedMs(nowUs: playout.nowUs) == 200)
        #expect(playout.acknowledge(marks[0]) == .played)
        #expect(playout.acknowledge(marks[1]) == .played)
        #expect(playout.acknowledge(hangUp) == .hangUp)
        #expect(playout.acknowledge(hangUp) == .ignored)
    }

    @Test func `a barge-in over the goodbye clears it and still hangs up`() throws {
        var playout = Playout()
        _ = playout.speak(ms: 200)
        let first = try #require(playout.send(.hangUp).mark)
        let step = playout.send(.clear, playout: 1)
        #expect(step.clear)
        #expect(playout.acknowledge(first) == .ignored)
        #expect(playout.acknowledge(try #require(step.mark)) == .hangUp)
    }

    @Test func `a hang-up that a clear overtook still hangs up`() throws {
        var playout = Playout()
        _ = playout.speak(ms: 200)
        #expect(playout.send(.clear, playout: 1).clear)
        #expect(playout.acknowledge(try #require(playout.send(.hangUp, playout: 0).mark)) == .hangUp)
    }

    @Test(arguments: ["", ".", "0", "0.", ".0", "1.0", "0.99", "x.y", "0.0.0", "-1.-1", "resp_R1:0:2000"])
    func `a mark that was never asked for proves nothing`(_ name: String) {
        var playout = Playout()
        _ = playout.speak(ms: 100)
        #expect(playout.acknowledge(name) == .ignored)
    }

    @Test(.timeLimit(.minutes(1))) func `whatever arrives, the position never passes what was sent`() {
        var generator = SeededGenerator(seed: 8)
        var playout = Playout()
        var marks: [String] = []
        var sent: [String: UInt32] = [:]
        for _ in 0..<20_000 {
            let control: AudioFrame.Control = [.none, .none, .none, .none, .endOfItem, .clear].randomElement(
                using: &generator
            )!
            let step = playout.send(
                control,
                item: ["a", "b", "c"].randomElement(using: &generator)!,
                session: Int64.random(in: 10...11, using: &generator),
                playout: UInt32.random(in: 0...40, using: &generator)
            )
            if let mark = step.mark { marks.append(mark) }
            if step.audio != nil {
                for item in ["a", "b", "c"] { sent[item, default: 0] += 20 }
            }
            if Bool.random(using: &generator), let mark = marks.randomElement(using: &generator) {
                _ = playout.acknowledge(mark)
            }
            playout.advance(ms: Int64.random(in: -5...60, using: &generator))
            if let position = playout.position { #expect(position.playedMs <= sent[position.itemID] ?? 0) }
            #expect(playout.state.unplayedMs(nowUs: playout.nowUs) >= 0)
        }
    }
}
