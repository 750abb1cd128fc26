import ArgumentParser
import Audio
import Foundation
import NIOCore

/// `voice-bench resample`: our conversions against libsoxr and libspeexdsp, for quality and for processor time.
///
/// Each goes frame by frame (20 ms) from mu-law to PCM16 or back; the libraries between the same mu-law steps. "ideal" is
/// a brick wall at 4 kHz in double precision, then rounded: the limit that 16 bits and mu-law leave to any filter.
struct ResampleBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resample",
        abstract: "Our conversions against libsoxr and libspeexdsp: signal-to-noise ratio, filter, delay, time.",
        discussion: """
            Per direction (up: mu-law 8 kHz to PCM16 24 kHz; down: back) and resampler one line. *_snr_db: against the ideal, \
            aligned in delay and gain between 300 and 3400 Hz; noise is everything but 3400–4600 Hz, in *_snr_all_db \
            everything. speech: the recordings; bright: the same, down only, three times as fast, which has sound up to \
            12 kHz. ripple_db: between the strongest and weakest tone of 300–3400 Hz. stop_band_db: down, the weakest \
            attenuation of 4.2–12 kHz; up, of the images of 300–3400 Hz. delay_ms: of the sound, held_ms: more, for \
            samples that are not given with their frame. us_per_s: processor time for a second of audio.

            The libraries are loaded when present: apt-get install libsoxr-dev libspeexdsp-dev
            """
    )

    @Option(help: "Rounds of 20 calls × 50 frames.") var rounds = 50

    func run() throws {
        let resamplers = Resampler.all()
        let speech = ResampleSignals.speech
        // A third of a sample later, or the way down would find exactly the samples that mu-law can say.
        let atModel = Array(Spectrum(speech, factor: 1).samples(factor: 3).dropFirst())
        for (direction, signals) in [
            (Direction.up, [("speech", speech), ("sweep", ResampleSignals.sweep(rate: 8_000))]),
            (
                Direction.down,
                [("speech", atModel), ("bright", speech), ("sweep", ResampleSignals.sweep(rate: 24_000))]
            ),
        ] {
            let ideals = signals.map { name, samples in
                let heard = direction.heard(samples)
                return IdealOutput(name: name, input: samples, Spectrum(heard, factor: direction.inputRate / 8_000))
            }
            self.reportIdeal(direction, ideals)
            for resampler in resamplers {
                let make = direction.conversion(resampler)
                var fields = self.fidelity(direction, make, ideals)
                fields += self.filter(direction, make)
                let time = self.time(direction, make, signals[0].1)
                // A frame is 20 ms.
                fields.append(("us_per_s", time.percentile(50) * 50 / 1_000))
                fields.append(("us_per_s_p99", time.percentile(99) * 50 / 1_000))
                fields.append(("times_real_time", (20_000_000 / time.percentile(50)).rounded()))
                if let allocations = time.allocations { fields.append(("allocations", allocations)) }
                Self.report("\(direction.name).\(resampler.name)", fields)
            }
        }
    }

    private struct IdealOutput {
        var name: String
        var input: [Int16]
        var spectrum: Spectrum

        init(name: String, input: [Int16], _ spectrum: Spectrum) {
            self.name = name
            self.input = input
            self.spectrum = spectrum
        }
    }

    private typealias Fields = [(name: String, value: Double)]

    private static func report(_ name: String, _ fields: Fields) {
        let text = fields.map { ",\"\($0.name)\":\(($0.value * 1_000).rounded() / 1_000 + 0)" }
        print("{\"case\":\"resample.\(name)\"\(text.joined())}")
    }

    private func reportIdeal(_ direction: Direction, _ ideals: [IdealOutput]) {
        let factor = direction.outputRate / 8_000
        let fields = ideals.flatMap { ideal in
            let output = direction.written(ideal.spectrum.samples(factor: factor))
            let fit = SpectrumFit(Spectrum(output, factor: factor), to: ideal.spectrum)
            return [("\(ideal.name)_snr_db", fit.ratio), ("\(ideal.name)_snr_all_db", fit.ratioOfAll)]
        }
        Self.report("\(direction.name).ideal", fields)
    }

    private func fidelity(_ direction: Direction, _ make: () -> Conversion, _ ideals: [IdealOutput]) -> Fields {
        var fields: Fields = []
        var (delay, held) = (0.0, 0.0)
        for ideal in ideals {
            let output = direction.run(make(), ideal.input)
            let spectrum = Spectrum(output.samples, factor: direction.outputRate / 8_000)
            let fit = SpectrumFit(spectrum, to: ideal.spectrum)
            fields.append(("\(ideal.name)_snr_db", fit.ratio))
            fields.append(("\(ideal.name)_snr_all_db", fit.ratioOfAll))
            delay = fit.delay
            held = max(held, output.held)
        }
        return fields + [("delay_ms", delay * 1_000), ("held_ms", held * 1_000)]
    }

    private func filter(_ direction: Direction, _ make: () -> Conversion) -> Fields {
        var gains: [Double] = []
        var leaks: [Double] = []
        for hertz in ResampleSignals.frequencies(300...3_400, step: 50) {
            let tone = ResampleSignals.tone(hertz, rate: direction.inputRate)
            let output = direction.run(make(), tone).samples.map(Double.init)
            let heard = direction.heard(tone).map(Double.init)
            let before = ResampleSignals.amplitude(of: hertz, rate: direction.inputRate, in: heard)
            func gain(_ hertz: Int) -> Double {
                let after = ResampleSignals.amplitude(of: hertz, rate: direction.outputRate, in: output)
                return 20 * log10(max(after / before, 1e-7))
            }
            gains.append(gain(hertz))
            if direction.outputRate == 24_000 { leaks += [gain(8_000 - hertz), gain(8_000 + hertz)] }
        }
        if direction.outputRate == 8_000 { leaks = self.aliases(direction, make) }
        return [("ripple_db", gains.max()! - gains.min()!), ("stop_band_db", -leaks.max()!)]
    }

    /// The gain of tones of 4.2–12 kHz, in dB. They go in together with a noise that keeps mu-law from swallowing what
    /// is left of them; what comes of the noise alone is subtracted.
    private func aliases(_ direction: Direction, _ make: () -> Conversion) -> [Double] {
        let noise = direction.run(make(), ResampleSignals.tone(0, rate: 24_000, amplitude: 0, noise: 300)).samples
        return ResampleSignals.frequencies(4_200...11_999, step: 97).map { hertz in
            let output = direction.run(make(), ResampleSignals.tone(hertz, rate: 24_000, noise: 300)).samples
            let difference = zip(output, noise).map { Double($0) - Double($1) }
            let alias = abs(hertz - 8_000 * Int((Double(hertz) / 8_000).rounded()))
            let after = ResampleSignals.amplitude(of: alias, rate: 8_000, in: difference)
            return 20 * log10(max(after / ResampleSignals.amplitude, 1e-7))
        }
    }

    /// Many calls in turn, as in the stage: their filters do not stay in the first cache.
    private func time(_ direction: Direction, _ make: () -> Conversion, _ samples: [Int16]) -> Rounds {
        let frames = direction.frames(Array(samples[direction.inputRate..<2 * direction.inputRate]))
        let calls = (0..<20).map { _ in make() }
        var output = ByteBuffer()
        output.reserveCapacity(65_536)
        return Rounds(self.rounds, operations: calls.count * frames.count) {
            for frame in frames {
                for call in calls {
                    output.clear()
                    call(frame, &output)
                }
            }
        }
    }
}
