import ArgumentParser
import Audio
import NIOCore

/// `voice-bench audio`: how many times real time one core converts, each way.
struct AudioBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "audio",
        abstract: "Conversion between mu-law 8 kHz and PCM16 24 kHz, frame by frame."
    )

    /// Of DESIGN's budget; printed beside the result and, with `--check`, required.
    static let budget = 5_000.0

    @Option(help: "Rounds of 500 frames (10 s of audio).") var rounds = 300
    @Flag(help: "Fail when a conversion is slower than 5,000 times real time.") var check = false

    func run() throws {
        // Many calls in turn, as in the stage: their filters do not stay in the first cache.
        let calls = 50
        let frames = 10
        let mulaw = (0..<frames).map { frame in
            ByteBuffer(bytes: (0..<160).map { UInt8(truncatingIfNeeded: ($0 &+ frame &* 160) &* 2_654_435_761 >> 9) })
        }
        var pcm: [ByteBuffer] = []
        var up = Array(repeating: MulawToPCM24k(), count: calls)
        for frame in mulaw {
            var output = ByteBuffer()
            up[0].convert(frame, into: &output)
            pcm.append(output)
        }
        var down = Array(repeating: PCM24kToMulaw(), count: calls)
        var output = ByteBuffer()
        output.reserveCapacity(960)

        let toModel = Rounds(self.rounds, operations: calls * frames) {
            for frame in mulaw {
                for call in 0..<calls {
                    output.clear()
                    up[call].convert(frame, into: &output)
                }
            }
        }
        let toPhone = Rounds(self.rounds, operations: calls * frames) {
            for frame in pcm {
                for call in 0..<calls {
                    output.clear()
                    down[call].convert(frame, into: &output)
                }
            }
        }
        let level = Rounds(self.rounds, operations: calls * frames) {
            for frame in mulaw {
                for _ in 0..<calls { _ = AudioLevel.dbfs(mulaw: frame) }
            }
        }
        for (name, rounds) in [("audio.mulaw_to_pcm24k", toModel), ("audio.pcm24k_to_mulaw", toPhone)] {
            let timesRealTime = 20_000_000 / rounds.percentile(50)
            rounds.report(name, ["times_real_time": timesRealTime, "budget": Self.budget])
            if self.check, timesRealTime < Self.budget { throw ExitCode.failure }
        }
        level.report("audio.level")
    }
}
