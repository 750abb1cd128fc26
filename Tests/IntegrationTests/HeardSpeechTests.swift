import Audio
import NIOCore
import Speech
import Testing

@Suite(.timeLimit(.minutes(1)))
struct HeardSpeechTests {
    /// Real speech has pauses without any sound; this has one where the tests cut it: 1000–1100 ms.
    private static let script: [UInt8] = {
        var script = Speech.utterance("long")?.mulaw ?? []
        for index in script.indices where script[index] == MuLaw.silence || script[index] == 0x7f {
            script[index] = 0x80
        }
        script.replaceSubrange(8_000..<8_800, with: repeatElement(MuLaw.silence, count: 800))
        return script
    }()
    private static let wholeMs = Self.script.count / 8

    /// - Parameter parts: of the script in milliseconds, each after some silence.
    private func hear(_ parts: Range<Int>..., noise: [Int16] = []) -> HeardSpeech {
        let recorded = parts.flatMap { part in
            [Int16](repeating: 0, count: 8 * 37)
                + Self.script[part.lowerBound * 8..<part.upperBound * 8].map { MuLaw.samples[Int($0)] }
        }
        return HeardSpeech(recorded + noise + [Int16](repeating: 0, count: 500), script: Self.script)
    }

    @Test func `speech that was heard whole has no seam, also with silence in between`() {
        for heard in [
            self.hear(0..<Self.wholeMs), self.hear(0..<980, 980..<4_000, 4_000..<Self.wholeMs),
            self.hear(0..<1_000, 1_100..<Self.wholeMs), self.hear(0..<1_060, 1_020..<Self.wholeMs),
        ] {
            #expect(heard.lostMs == 0 && heard.repeatedMs == 0 && heard.foreignMs == 0)
        }
    }

    @Test func `a comfort tone in a gap is not foreign, and hides no loss`() {
        let tone = ComfortTone.frames.flatMap { $0.readableBytesView.map { MuLaw.samples[Int($0)] } }
        let heard = self.hear(0..<Self.wholeMs - 240, noise: [Int16](repeating: 0, count: 8 * 21) + tone)
        #expect(heard.lostMs == 240 && heard.repeatedMs == 0 && heard.foreignMs == 0)
    }

    @Test func `speech that is missing is lost, at the end too`() {
        #expect(self.hear(0..<2_000, 2_160..<Self.wholeMs).lostMs == 160)
        #expect(self.hear(0..<Self.wholeMs - 240).lostMs == 240)
        #expect(self.hear().lostMs == Self.wholeMs)
    }

    @Test func `speech that is heard again is repeated, and a noise is neither`() {
        let heard = self.hear(0..<2_000, 1_880..<4_000, 3_980..<Self.wholeMs, noise: Array(repeating: 9, count: 80))
        #expect(heard.repeatedMs == 140 && heard.lostMs == 0)
        #expect(heard.foreignMs > 0)
    }
}
