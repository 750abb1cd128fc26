import CallEvents
import Testing
import TwilioMedia

@Suite struct SessionPresenceTests {
    /// Told the time ten times a second.
    private struct Listener {
        var presence = SessionPresence()
        var nowMs: Int64 = 0
        /// When tones were due.
        var tones: [Int64] = []

        init() { self.wait(ms: 0) }

        mutating func hear(_ control: AudioFrame.Control, session: Int64 = 7) {
            let frame = AudioFrame(codec: .pcmu, sessionEpoch: session, control: control)
            self.presence.heard(frame, nowUs: self.nowMs * 1_000)
        }

        mutating func wait(ms: Int64, isSounding: Bool = false) {
            for _ in 0..<max(1, ms / 100) {
                if ms > 0 { self.nowMs += 100 }
                if self.presence.waited(isSounding: isSounding, nowUs: self.nowMs * 1_000) {
                    self.tones.append(self.nowMs)
                }
            }
        }
    }

    @Test func `a tone is due when no session is heard for 2.5 s from the start`() {
        var listener = Listener()
        listener.wait(ms: 2_400)
        #expect(listener.tones.isEmpty)
        listener.wait(ms: 100)
        #expect(listener.tones == [2_500])
    }

    @Test func `a session that says that it is alive may be silent`() {
        var listener = Listener()
        for _ in 0..<20 {
            listener.hear(.alive)
            listener.wait(ms: 1_000)
        }
        #expect(listener.tones.isEmpty)
        listener.wait(ms: 1_500)
        #expect(listener.tones == [21_500])
    }

    @Test func `the agent's last words, and the tone before, count as sound`() {
        var listener = Listener()
        listener.hear(.alive)
        listener.wait(ms: 10_000, isSounding: true)
        listener.wait(ms: 2_400)
        #expect(listener.tones.isEmpty)
        listener.wait(ms: 100)
        #expect(listener.tones == [12_500])
        listener.wait(ms: 300, isSounding: true)
        listener.wait(ms: 2_500)
        #expect(listener.tones == [12_500, 15_300])
    }

    @Test func `it stops when a session is heard again`() {
        var listener = Listener()
        listener.wait(ms: 2_500)
        listener.hear(.alive, session: 9)
        listener.wait(ms: 1_000)
        listener.hear(.alive, session: 9)
        listener.wait(ms: 2_000)
        #expect(listener.tones == [2_500])
    }

    @Test func `the silence of a session that never says that it is alive means nothing`() {
        var listener = Listener()
        listener.hear(.none)
        listener.wait(ms: 60_000)
        #expect(listener.tones.isEmpty)
        // A newer version takes over, and gives the call back.
        listener.hear(.alive, session: 8)
        listener.wait(ms: 1_000)
        listener.hear(.endOfItem, session: 9)
        listener.wait(ms: 60_000)
        #expect(listener.tones.isEmpty)
    }

    @Test func `what an earlier session has said may come late`() {
        var listener = Listener()
        listener.hear(.alive, session: 8)
        listener.hear(.none, session: 7)
        listener.wait(ms: 2_500)
        #expect(listener.tones == [2_500])
    }

    @Test func `a process that stood still does not take that for silence`() {
        var listener = Listener()
        listener.hear(.alive)
        listener.wait(ms: 1_000)
        listener.nowMs += 30_000
        listener.wait(ms: 1_500)
        #expect(listener.tones.isEmpty)
        // What came meanwhile may be read before the clock is.
        listener.nowMs += 30_000
        listener.hear(.alive)
        listener.wait(ms: 2_500)
        #expect(listener.tones.isEmpty)
        listener.wait(ms: 100)
        #expect(listener.tones == [listener.nowMs])
        listener.tones = []
        listener.hear(.alive)
        // The clock is set back.
        listener.nowMs -= 60_000
        listener.wait(ms: 2_500)
        #expect(listener.tones.isEmpty)
    }
}
