import CallEvents
import NIOCore
import Testing
import TwilioMedia

/// A tone between the agent's words: no position, mark or clear is any different for it.
@Suite struct ComfortTonePlayoutTests {
    private static let tone = [ByteBuffer](repeating: ByteBuffer(repeating: 1, count: 160), count: 15)

    /// One stream and its phone, whose clock is the test's.
    private struct Line {
        var queue = OutboundQueue(streamEpoch: 1)
        var nowMs: Int64 = 1_000_000
        var sequence: UInt64 = 0

        var nowUs: Int64 { self.nowMs * 1_000 }
        var position: AudioFrame.Playout? { self.queue.playout.position(nowUs: self.nowUs) }

        mutating func send(
            _ control: AudioFrame.Control = .none,
            item: String = "a",
            session: Int64 = 7,
            playout: UInt32 = 0
        )
            -> PlayoutState.Step
        {
            let frame = AudioFrame(
                codec: .pcmu,
                payload: control == .none ? ByteBuffer(repeating: 7, count: 160) : ByteBuffer(),
                streamEpoch: 1,
                sequence: self.sequence,
                receivedAtUs: 5,
                sessionEpoch: session,
                playoutEpoch: playout,
                itemID: item,
                control: control
            )
            if !control.isUnnumbered { self.sequence += 1 }
            return self.queue.received(frame, nowUs: self.nowUs)
        }

        /// What goes to Twilio now.
        mutating func write() -> [MediaStreamCommand] {
            var commands: [MediaStreamCommand] = []
            while let message = self.queue.next() { commands.append(message.command) }
            return commands
        }

        /// - Returns: how many tones were put in.
        mutating func wait(ms: Int64) -> Int {
            var tones = 0
            for _ in 0..<ms / 100 {
                self.nowMs += 100
                if self.queue.waited(tone: ComfortTonePlayoutTests.tone, nowUs: self.nowUs) { tones += 1 }
                _ = self.write()
            }
            return tones
        }

        /// The agent says 200 ms, all of which is played and marked.
        mutating func speak(item: String = "a", session: Int64 = 7) {
            for _ in 0..<10 { _ = self.send(item: item, session: session) }
            _ = self.send(.endOfItem, item: item, session: session)
            let marks = self.write().compactMap { if case .mark(let name) = $0 { name } else { nil } }
            self.nowMs += 220
            for mark in marks { _ = self.queue.acknowledged(mark: mark, nowUs: self.nowUs) }
        }
    }

    private static func whenToneBegins(after prepare: (inout Line) -> Void = { _ in }) -> Line {
        var line = Line()
        _ = line.wait(ms: 100)
        _ = line.send(.alive)
        prepare(&line)
        _ = line.write()
        let begins = (0..<100).contains { _ in
            line.nowMs += 100
            return line.queue.waited(tone: Self.tone, nowUs: line.nowUs)
        }
        #expect(begins)
        return line
    }

    @Test func `the tone is audio to Twilio, and comes again before 3 s are over`() {
        var line = Self.whenToneBegins()
        #expect(line.write() == Self.tone.map { .media(payload: $0) })
        #expect(line.wait(ms: 2_600) == 0)
        #expect(line.wait(ms: 100) == 1)
        #expect(line.wait(ms: 27_000) == 10)
    }

    @Test func `the position stays where the agent's words ended`() {
        var line = Self.whenToneBegins { $0.speak() }
        let sentMs = line.queue.playout.sentMs
        for _ in 0..<20 {
            #expect(line.position == .init(itemID: "a", playedMs: 200))
            line.nowMs += 20
        }
        #expect(line.queue.playout.sentMs == sentMs)
    }

    @Test func `no tone while a mark is out, or words wait`() {
        var line = Line()
        _ = line.wait(ms: 100)
        _ = line.send(.alive)
        for _ in 0..<5 { _ = line.send() }
        #expect(line.write().count == 6)
        #expect(line.wait(ms: 10_000) == 0)
        _ = line.queue.acknowledged(mark: "0.0", nowUs: line.nowUs)
        #expect(line.wait(ms: 2_300) == 0)
        #expect(line.wait(ms: 300) == 1)
    }

    @Test func `words that come while the tone plays begin behind it, and none is lost`() throws {
        var line = Self.whenToneBegins { $0.speak() }
        _ = line.write()
        line.nowMs += 100
        for _ in 0..<10 { _ = line.send(item: "b") }
        _ = line.send(.endOfItem, item: "b")
        let commands = line.write()
        #expect(commands.count { if case .media = $0 { true } else { false } } == 10)
        line.nowMs += 200
        #expect(line.position == .init(itemID: "a", playedMs: 200))
        line.nowMs += 60
        #expect(line.position == .init(itemID: "b", playedMs: 60))
        line.nowMs += 40
        let mark = try #require(commands.compactMap { if case .mark(let name) = $0 { name } else { nil } }.first)
        #expect(line.queue.acknowledged(mark: mark, nowUs: line.nowUs) == .played)
        #expect(line.position == .init(itemID: "b", playedMs: 100))
        #expect(line.queue.playout.unplayedMs(nowUs: line.nowUs) == 100)
    }

    @Test func `more of the item that was cut off by the tone goes on where it was`() {
        var line = Self.whenToneBegins { line in
            for _ in 0..<3 { _ = line.send() }
        }
        _ = line.write()
        line.nowMs += 50
        for _ in 0..<2 { _ = line.send() }
        line.nowMs += 250
        #expect(line.position == .init(itemID: "a", playedMs: 60))
        line.nowMs += 20
        #expect(line.position == .init(itemID: "a", playedMs: 80))
    }

    @Test func `a clear stops the tone, also right behind another clear, and what follows plays at once`() {
        var line = Self.whenToneBegins { line in
            line.speak()
            #expect(line.send(.clear, playout: 1).clear)
        }
        #expect(line.send(.clear, playout: 2).clear)
        #expect(line.write() == [.clear])
        for _ in 0..<5 { _ = line.send(item: "b", playout: 2) }
        line.nowMs += 60
        #expect(line.position == .init(itemID: "b", playedMs: 60))
        #expect(line.write().last == .mark(name: "2.2"))
    }

    @Test func `a clear when the tone is over finds nothing to stop`() {
        var line = Self.whenToneBegins {
            $0.speak()
            _ = $0.send(.clear, playout: 1)
        }
        _ = line.write()
        line.nowMs += 300
        #expect(!line.send(.clear, playout: 2).clear)
    }

    @Test func `no tone behind the hang-up`() {
        var line = Line()
        _ = line.wait(ms: 100)
        _ = line.send(.alive)
        line.speak()
        let mark = line.send(.hangUp).mark
        #expect(line.queue.acknowledged(mark: mark ?? "", nowUs: line.nowUs) == .hangUp)
        #expect(line.wait(ms: 30_000) == 0)
    }

    @Test func `a sign of life overtakes the words of the session before, and drops none of them`() {
        var line = Line()
        #expect(line.send(session: 7).audio != nil)
        #expect(line.send(.alive, session: 9, playout: 3) == PlayoutState.Step())
        #expect(line.send(session: 7).audio != nil)
        #expect(line.send(session: 9).dropped == nil)
        #expect(line.send(.alive, session: 7).dropped == .staleSession)
    }
}
