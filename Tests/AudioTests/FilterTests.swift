import Foundation
import NIOCore
import Testing

@testable import Audio

/// Measured on sine waves of nearly full scale, 100 ms each, that go through the fixed-point kernels.
@Suite struct FilterTests {
    private static func filtered(_ kernel: FilterKernel, _ samples: [Int16]) -> [Int16] {
        kernel.withWeights { weights in
            samples.withUnsafeBytes { bytes in
                (0...samples.count - kernel.length).map {
                    FilterKernel.apply(weights, to: bytes.baseAddress! + 2 * $0)
                }
            }
        }
    }

    /// The response of the decimating filter, in dB.
    private static func decimationGain(_ frequency: Double) -> Double {
        let input = Signals.sine(frequency, rate: 24_000, amplitude: 30_000, count: 2_568)
        let output = Self.filtered(AudioFilter.decimation, input)
        return Signals.decibels(Signals.amplitude(of: frequency, rate: 24_000, in: output) / 30_000)
    }

    /// The response of the interpolating filter at `frequency` and at its images, in dB.
    private static func interpolationGains(_ frequency: Double) -> (signal: Double, images: Double) {
        let input = Signals.sine(frequency, rate: 8_000, amplitude: 30_000, count: 1_056)
        let thirds = AudioFilter.interpolation.map { Self.filtered($0, input) }
        let output = thirds[0].indices.flatMap { index in thirds.map { $0[index] } }
        func gain(_ frequency: Double) -> Double {
            Signals.decibels(Signals.amplitude(of: frequency, rate: 24_000, in: output) / 30_000)
        }
        return (gain(frequency), max(gain(8_000 - frequency), gain(8_000 + frequency)))
    }

    @Test func `the pass-band up to 3400 Hz is flat within half a decibel, both ways`() {
        let frequencies = stride(from: 50.0, through: 3_400, by: 50)
        let down = frequencies.map(Self.decimationGain)
        let up = frequencies.map { Self.interpolationGains($0).signal }
        for gains in [down, up] {
            #expect(gains.max()! - gains.min()! < 0.05)
            #expect(gains.allSatisfy { abs($0) < 0.05 })
        }
    }

    @Test func `what lies above 4 kHz is at least 60 dB down before every third sample is taken`() {
        let worst = stride(from: 4_000.0, to: 12_000, by: 37).map(Self.decimationGain).max()!
        #expect(worst < -60)
    }

    @Test func `images of the pass-band are at least 60 dB down`() {
        let worst = stride(from: 61.0, through: 3_400, by: 37).map { Self.interpolationGains($0).images }.max()!
        #expect(worst < -60)
    }

    @Test func `a sound is delayed by the stated group delay`() {
        #expect(AudioFilter.groupDelay == .microseconds(3375))
        var impulse = [Int16](repeating: 0, count: 160)
        impulse[0] = 32124
        var pcm = ByteBuffer()
        var up = MulawToPCM24k()
        up.convert(Signals.mulaw(impulse), into: &pcm)
        let samples = Signals.samples(pcm)
        #expect(samples.indices.max { samples[$0] < samples[$1] } == 81)  // 3.375 ms at 24 kHz

        var codes = ByteBuffer()
        var down = PCM24kToMulaw()
        down.convert(pcm, into: &codes)
        let back = Signals.decoded(codes)
        #expect(back.indices.max { back[$0] < back[$1] } == 54)  // twice, at 8 kHz
    }

    @Test func `the worst input is limited, never wrapped`() {
        for kernel in AudioFilter.interpolation + [AudioFilter.decimation] {
            // The sign of each weight makes the greatest sum there is.
            let signs = kernel.withWeights { weights in
                weights.flatMap { lanes in lanes.indices.map { lanes[$0] } }.map { $0 < 0 }
            }
            #expect(Self.filtered(kernel, signs.map { $0 ? .min : .max }) == [.max])
            #expect(Self.filtered(kernel, signs.map { $0 ? .max : .min }) == [.min])
        }
    }
}
