import Audio
import NIOCore
import Testing

@Suite struct ComfortToneTests {
    @Test func `it is 300 ms of whole frames, soft, and fades in and out`() {
        let frames = ComfortTone.frames
        #expect(frames.count == 15 && ComfortTone.milliseconds == 300)
        #expect(frames.allSatisfy { $0.readableBytes == 160 })
        let samples = frames.flatMap { $0.readableBytesView.map { Int(MuLaw.decode($0)) } }
        let energy = frames.reduce(UInt64(0)) { $0 + AudioLevel.energy(mulaw: $1) }
        let level = AudioLevel.dbfs(energy: energy, samples: samples.count)
        #expect((-27 ... -25).contains(level), "\(level) dBFS")
        for quiet in [samples.prefix(16), samples.suffix(16), samples[1_192..<1_208]] {
            #expect(quiet.allSatisfy { abs($0) < 64 }, "\(quiet)")
        }
        // No note's next sample is farther away than its frequency allows.
        #expect(zip(samples, samples.dropFirst()).allSatisfy { abs($0 - $1) < 1_700 })
    }

    @Test func `no frame of it sounds like nothing for longer than a moment`() {
        for frame in ComfortTone.frames { #expect(AudioLevel.dbfs(mulaw: frame) > -60) }
    }

    @Test func `it is told from silence and speech`() {
        #expect(ComfortTone.frames.allSatisfy { ComfortTone.contains($0) })
        #expect(!ComfortTone.contains(ByteBuffer(repeating: MuLaw.silence, count: 160)))
        #expect(!ComfortTone.contains(ByteBuffer()))
    }
}
