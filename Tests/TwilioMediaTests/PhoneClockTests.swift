import Testing
import TwilioMedia

struct PhoneClockTests {
    private let start: Int64 = 1_000_000_000

    @Test func `before the first message our own time counts`() {
        #expect(PhoneClock().time(nowUs: self.start) == self.start)
    }

    @Test func `messages that are read late, many at once, tell when they were sent`() {
        var clock = PhoneClock()
        clock.heard(timestampMs: 62, nowUs: self.start)
        var times: [Int64] = []
        for message in 1...10 {
            // All of them after a pause of 400 ms.
            clock.heard(timestampMs: 62 + 20 * UInt64(message), nowUs: self.start + 400_000)
            times.append(clock.time(nowUs: self.start + 400_000) - self.start)
        }
        #expect(times == (1...10).map { 20_000 * $0 })
    }

    @Test func `it goes on to the next message, and waits for it there`() {
        var clock = PhoneClock()
        clock.heard(timestampMs: 0, nowUs: self.start)
        #expect(clock.time(nowUs: self.start + 7_000) == self.start + 7_000)
        #expect(clock.time(nowUs: self.start + 300_000) == self.start + 20_000)
        // Ours may be set back.
        #expect(clock.time(nowUs: self.start - 300_000) == self.start)
    }

    @Test func `without messages for long our own time counts`() {
        var clock = PhoneClock()
        clock.heard(timestampMs: 0, nowUs: self.start)
        let later = self.start + InboundFraming.patienceUs + 1_000_000
        #expect(clock.time(nowUs: later) == later)
    }

    @Test func `a timestamp that is missing, repeated, late or senseless changes nothing`() {
        var clock = PhoneClock()
        clock.heard(timestampMs: nil, nowUs: self.start)
        clock.heard(timestampMs: .max, nowUs: self.start)
        clock.heard(timestampMs: 100, nowUs: self.start)
        for timestamp in [nil, 100, 40, UInt64.max, UInt64(UInt32.max) + 1] as [UInt64?] {
            clock.heard(timestampMs: timestamp, nowUs: self.start + 50_000)
        }
        #expect(clock.time(nowUs: self.start + 10_000) == self.start + 10_000)
    }
}
