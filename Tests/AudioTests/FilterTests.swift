import Foundation
import NIOCore
import Testing

@testable import Audio

/// The filters as they are after rounding: their weights, and what they make of sine waves.
@Suite struct FilterTests {
    /// The weights in use, fine and coarse part together, in the units of the samples.
    private static func sums(_ weights: FixedPointWeights, fineBits: Int, coarseBits: Int) -> [[Double]] {
        weights.fine.indices.map { group in
            (0..<8).map { lane in
                let fine = Double(weights.fine[group][lane]) / Double(1 << fineBits)
                guard weights.coarseGroups.contains(group) else { return fine }
                let coarse = weights.coarse[group - weights.coarseGroups.lowerBound][lane]
                return fine + Double(coarse) / Double(1 << coarseBits)
            }
        }
    }

    private static let decimation = Self.sums(
        AudioFilter.decimation.weights,
        fineBits: Decimation.fineBits,
        coarseBits: Decimation.coarseBits
    ).flatMap { $0 }

    /// By place, from the middle one on, of a symmetric filter.
    private static let interpolation: [Double] = {
        let groups = Self.sums(
            AudioFilter.interpolation.weights,
            fineBits: Interpolation.fineBits,
            coarseBits: Interpolation.coarseBits
        )
        func filter(_ index: Int) -> [Double] {
            stride(from: index, to: groups.count, by: 3).flatMap { groups[$0] }
        }
        let (a, b, c) = (filter(0), filter(1), filter(2))
        // Before the images are filtered, two of three samples are zero.
        var places = [Double](repeating: 0, count: 3 * a.count - 1)
        for index in a.indices {
            let whole = index == 0 ? 2.0 : 1
            places[3 * index] = whole * a[index] / 3
            places[3 * index + 1] = whole * (b[index] + c[index]) / 3
            if index > 0 { places[3 * index - 1] = (b[index] - c[index]) / 3 }
        }
        return places
    }()

    private static func gain(_ frequency: Double, _ weights: [Double], from middle: Double) -> Double {
        var (real, imaginary) = (0.0, 0.0)
        for (index, weight) in weights.enumerated() {
            let angle = 2 * .pi * frequency / 24_000 * (Double(index) - middle)
            real += weight * cos(angle)
            imaginary += weight * sin(angle)
        }
        return Signals.decibels((real * real + imaginary * imaginary).squareRoot())
    }

    private static func decimationGain(_ frequency: Double) -> Double {
        Self.gain(frequency, Self.decimation, from: 0)
    }

    private static func interpolationGain(_ frequency: Double) -> Double {
        Self.gain(frequency, Self.interpolation.dropFirst().reversed() + Self.interpolation, from: 0)
    }

    private static let gains = [Self.decimationGain, Self.interpolationGain]

    @Test
    func
        `the pass-band is flat to two thousandths of a decibel up to 3400 Hz and to a third up to 3650 Hz`()
    {
        for gain in Self.gains {
            #expect(stride(from: 0.0, through: 3_400, by: 10).allSatisfy { abs(gain($0)) < 0.002 })
            #expect(stride(from: 3_400.0, through: 3_650, by: 5).allSatisfy { abs(gain($0)) < 1.0 / 3 })
        }
    }

    @Test func `the stop-band of the rounded weights is 60 dB down from 4 kHz on`() {
        for gain in Self.gains {
            #expect(stride(from: 4_000.0, through: 12_000, by: 7).map(gain).max()! < -60)
            #expect(stride(from: 4_600.0, through: 12_000, by: 7).map(gain).max()! < -75)
        }
        #expect(stride(from: 4_600.0, through: 12_000, by: 7).map(Self.interpolationGain).max()! < -95)
    }

    private static func filtered(_ samples: [Int16]) -> [Int16] {
        let filter = AudioFilter.decimation
        let count = (samples.count - filter.length) / 24 * 8
        var results = [Int16](repeating: 0, count: count)
        samples.withUnsafeBytes { samples in
            results.withUnsafeMutableBufferPointer { results in
                filter.filter(samples.baseAddress!, count: count, into: results.baseAddress!)
            }
        }
        // They come in turn from each eighth.
        return (0..<count).map { results[$0 % (count / 8) * 8 + $0 / (count / 8)] }
    }

    @Test func `sine waves come down as the weights say`() {
        for frequency in stride(from: 150.0, to: 12_000, by: 370) {
            let input = Signals.sine(frequency, rate: 24_000, amplitude: 30_000, count: 2_736)
            let output = Self.filtered(input)
            let alias = abs(frequency - 8_000 * (frequency / 8_000).rounded())
            let gain = Signals.decibels(Signals.amplitude(of: alias, rate: 8_000, in: output) / 30_000)
            let said = Self.decimationGain(frequency)
            #expect(said < -60 ? gain < -60 : abs(gain - said) < 0.05, "\(frequency) Hz")
        }
    }

    @Test(arguments: [317.0, 1_013, 2_029, 3_391])
    func `sine waves go up with images at least 60 dB down, below the noise of mu-law`(frequency: Double) {
        var converter = MulawToPCM24k()
        var pcm = ByteBuffer()
        let sine = Signals.sine(frequency, rate: 8_000, amplitude: 30_000, count: 16_000)
        converter.convert(Signals.mulaw(sine), into: &pcm)
        let output = Signals.samples(pcm).dropFirst(1_000)
        func gain(_ frequency: Double) -> Double {
            Signals.decibels(Signals.amplitude(of: frequency, rate: 24_000, in: output) / 30_000)
        }
        #expect(abs(gain(frequency)) < 0.1)
        #expect(max(gain(8_000 - frequency), gain(8_000 + frequency)) < -60)
    }

    @Test func `a sound is delayed by the stated group delay`() {
        #expect(AudioFilter.interpolationDelay == 166)
        #expect(AudioFilter.decimationDelay == 164)
        var impulse = [Int16](repeating: 0, count: 320)
        impulse[0] = 32124
        var pcm = ByteBuffer()
        var up = MulawToPCM24k()
        up.convert(Signals.mulaw(impulse), into: &pcm)
        let samples = Signals.samples(pcm)
        #expect(samples.indices.max { samples[$0] < samples[$1] } == AudioFilter.interpolationDelay)

        var codes = ByteBuffer()
        var down = PCM24kToMulaw()
        down.convert(pcm, into: &codes)
        let back = Signals.decoded(codes)
        let both = AudioFilter.interpolationDelay + AudioFilter.decimationDelay
        #expect(back.indices.max { back[$0] < back[$1] } == both / 3 && both % 3 == 0)
    }

    /// The most that sums of products with samples of `magnitude` can be: in a lane, and in all four together.
    private static func bounds(_ weights: [SIMD8<Int16>], _ magnitude: Int) -> (lane: Int, all: Int) {
        var lanes = [0, 0, 0, 0]
        for group in weights {
            for lane in 0..<8 { lanes[lane / 2] += abs(Int(group[lane])) * magnitude }
        }
        return (lanes.max()!, lanes.reduce(0, +))
    }

    @Test func `no input can overflow an accumulator on the way down`() {
        let weights = AudioFilter.decimation.weights
        let (fine, coarse) = (Self.bounds(weights.fine, 32_768), Self.bounds(weights.coarse, 32_768))
        let shift = Decimation.fineBits - Decimation.coarseBits
        #expect(fine.lane <= Int32.max)
        #expect(fine.all >> shift + 4 + coarse.all + 1 << 13 <= Int32.max)
    }

    @Test func `no input can overflow an accumulator on the way up`() {
        // Two samples of mu-law, each divided by four.
        let most = 2 * MuLaw.quarterSamples.map { Int($0.magnitude) }.max()!
        #expect(most <= Int(Int16.max))
        let weights = AudioFilter.interpolation.weights
        let shift = Interpolation.fineBits - Interpolation.coarseBits
        var all: [Int] = []
        for filter in 0..<3 {
            func bounds(_ groups: [SIMD8<Int16>]) -> (lane: Int, all: Int) {
                Self.bounds(stride(from: filter, to: groups.count, by: 3).map { groups[$0] }, most)
            }
            let (fine, coarse) = (bounds(weights.fine), bounds(weights.coarse))
            #expect(fine.lane <= Int32.max)
            all.append(fine.all >> shift + 4 + coarse.all + 1 << 13)
        }
        #expect(all[0] <= Int32.max)
        #expect(all[1] + all[2] <= Int32.max)
    }

    @Test func `the worst input is limited, never wrapped, on the way down`() {
        // The sign of each weight makes the greatest sum there is; the last samples before the result's own.
        let signs = Self.decimation.map { $0 < 0 }
        for loudest in [Int16.max, .min] {
            let other = loudest == .max ? Int16.min : .max
            let worst = signs.map { $0 ? other : loudest } + Array(repeating: 0, count: 24)
            #expect(Self.filtered(worst)[0] == loudest)
        }
    }

    @Test func `the worst input is limited, never wrapped, on the way up`() {
        let places = Self.interpolation
        for (offset, negative) in [(0, false), (0, true), (1, false), (1, true), (2, false), (2, true)] {
            // y[3n + offset - 1]: the weight at 3j + offset - 1 from the middle belongs to x[n - j].
            let reach = AudioFilter.interpolation.length - 1
            let codes = (-reach...reach).map { j in
                let place = abs(-3 * j + offset - 1)
                let weight = place < places.count ? places[place] : 0
                return (weight < 0) == negative ? UInt8(0x80) : 0x00
            }
            var pcm = ByteBuffer()
            var converter = MulawToPCM24k()
            converter.convert(ByteBuffer(bytes: codes), into: &pcm)
            #expect(Signals.samples(pcm)[6 * reach + offset] == (negative ? .min : .max))
        }
    }

    @Test func `the state of a call is within 4 KiB and its history within one frame`() {
        #expect(2 * (AudioFilter.interpolation.length - 1) <= 160)
        #expect(AudioFilter.decimation.length <= 480)
        #expect(MulawToPCM24k().stateSize + PCM24kToMulaw().stateSize <= 1_200)
    }
}
