import CallEvents
import NIOCore
import Testing
import TwilioMedia

@testable import TwilioIngress

@Suite struct PlayoutLevelsTests {
    /// Two seconds: one loud, one quiet; all sent at once.
    private static func sent() -> PlayoutLevels {
        var levels = PlayoutLevels()
        for index in 0..<100 {
            let audio = ByteBuffer(repeating: index < 50 ? 0x10 : 0x70, count: 160)
            levels.follow(.init(audio: audio), sentMs: 20 * (index + 1))
        }
        return levels
    }

    @Test func `the level is that of what plays, not of what was sent`() {
        var levels = Self.sent()
        let loud = levels.level(playedMs: 500, sentMs: 2_000)
        let quiet = levels.level(playedMs: 1_500, sentMs: 2_000)
        #expect(loud > -10 && quiet < loud - 20 && quiet > -96)
    }

    @Test func `what has played is silent`() {
        var levels = Self.sent()
        #expect(levels.level(playedMs: 0, sentMs: 0) == -96)
        #expect(levels.level(playedMs: 2_000, sentMs: 2_000) > -96)
        #expect(levels.level(playedMs: 2_000, sentMs: 2_000) == -96)
    }

    @Test func `a clear takes away what will never play`() {
        var levels = Self.sent()
        _ = levels.level(playedMs: 900, sentMs: 2_000)
        levels.follow(.init(clear: true), sentMs: 900)
        #expect(levels.level(playedMs: 900, sentMs: 900) == -96)
        levels.follow(.init(audio: ByteBuffer(repeating: 0x70, count: 160)), sentMs: 920)
        #expect(levels.level(playedMs: 2_000, sentMs: 2_000) == -96)
    }
}
