import Foundation

/// The spectrum of up to 32 s of samples, in bins of 8000 / 2¹⁸ Hz at 8 kHz and at 24 kHz alike, scaled so that both
/// rates give the same sound the same values.
struct Spectrum {
    /// Samples of 8 kHz; at 24 kHz there are three times as many.
    static let size = 1 << 18

    var real: [Double]
    var imaginary: [Double]

    /// The bin of a frequency.
    static func bin(_ hertz: Double) -> Int { Int((hertz * Double(Self.size) / 8_000).rounded()) }

    /// - Parameter factor: 1 for 8 kHz, 3 for 24 kHz.
    init(_ samples: [Int16], factor: Int) {
        let half = factor * Self.size / 2
        self.real = Array(repeating: 0, count: half)
        self.imaginary = Array(repeating: 0, count: half)
        for phase in 0..<factor {
            var real = [Double](repeating: 0, count: Self.size)
            var imaginary = real
            for (index, place) in stride(from: phase, to: min(samples.count, factor * Self.size), by: factor)
                .enumerated()
            {
                real[index] = Double(samples[place]) / Double(factor)
            }
            Self.transform(&real, &imaginary)
            for bin in 0..<half {
                let angle = -2 * Double.pi * Double(phase * bin) / Double(factor * Self.size)
                let (c, s) = (cos(angle), sin(angle))
                let (r, i) = (real[bin % Self.size], imaginary[bin % Self.size])
                self.real[bin] += r * c - i * s
                self.imaginary[bin] += r * s + i * c
            }
        }
    }

    /// The samples of what lies below 4 kHz, rounded to 16 bits.
    ///
    /// - Parameter factor: 1 for 8 kHz, 3 for 24 kHz.
    func samples(factor: Int) -> [Int16] {
        var samples = [Int16](repeating: 0, count: factor * Self.size)
        for phase in 0..<factor {
            // Only positive frequencies: the real part is then half of the signal, but for 0 Hz, which comes once.
            // Exchanging the parts inverts.
            var real = [Double](repeating: 0, count: Self.size)
            var imaginary = real
            for bin in 0..<Self.size / 2 {
                let angle = 2 * Double.pi * Double(phase * bin) / Double(factor * Self.size)
                let (c, s) = (cos(angle), sin(angle))
                imaginary[bin] = self.real[bin] * c - self.imaginary[bin] * s
                real[bin] = self.real[bin] * s + self.imaginary[bin] * c
            }
            real[0] /= 2
            imaginary[0] /= 2
            Self.transform(&real, &imaginary)
            for index in 0..<Self.size {
                let sample = (imaginary[index] * 2 / Double(Self.size)).rounded()
                samples[factor * index + phase] = Int16(min(32_767, max(-32_768, sample)))
            }
        }
        return samples
    }

    private static let turns = (0..<Self.size / 2).map { index in
        let angle = -2 * Double.pi * Double(index) / Double(Self.size)
        return (cos: cos(angle), sin: sin(angle))
    }

    /// In place, not scaled; both have `size` values.
    static func transform(_ real: inout [Double], _ imaginary: inout [Double]) {
        real.withUnsafeMutableBufferPointer { real in
            imaginary.withUnsafeMutableBufferPointer { imaginary in
                Self.turns.withUnsafeBufferPointer { turns in
                    var reversed = 0
                    for index in 1..<Self.size {
                        var bit = Self.size >> 1
                        while reversed & bit != 0 {
                            reversed ^= bit
                            bit >>= 1
                        }
                        reversed |= bit
                        if index < reversed {
                            real.swapAt(index, reversed)
                            imaginary.swapAt(index, reversed)
                        }
                    }
                    var half = 1
                    while half < Self.size {
                        let step = Self.size / (2 * half)
                        for start in stride(from: 0, to: Self.size, by: 2 * half) {
                            for offset in 0..<half {
                                let turn = turns[offset * step]
                                let (low, high) = (start + offset, start + offset + half)
                                let r = real[high] * turn.cos - imaginary[high] * turn.sin
                                let i = real[high] * turn.sin + imaginary[high] * turn.cos
                                real[high] = real[low] - r
                                imaginary[high] = imaginary[low] - i
                                real[low] += r
                                imaginary[low] += i
                            }
                        }
                        half *= 2
                    }
                }
            }
        }
    }
}

/// How a conversion's output compares with the ideal one, which ends at 4 kHz and delays nothing, after the delay and
/// the gain that fit best (least squares) between 300 and 3400 Hz.
struct SpectrumFit {
    /// In seconds.
    private(set) var delay = 0.0
    /// Against everything between 0 Hz and half the sample rate but 3400–4600 Hz, where filters may differ and their
    /// images and aliases of 3400–4000 Hz lie, in dB.
    private(set) var ratio = 0.0
    /// The same without that exception.
    private(set) var ratioOfAll = 0.0

    init(_ output: Spectrum, to ideal: Spectrum) {
        let band = Spectrum.bin(300)...Spectrum.bin(3_400)
        let edge = Spectrum.bin(3_400)..<Spectrum.bin(4_600)
        self.delay = Self.delay(of: output, to: ideal, in: band)

        var (product, energy) = (0.0, 0.0)
        for bin in band {
            let (r, i) = self.delayed(ideal, bin)
            product += output.real[bin] * r + output.imaginary[bin] * i
            energy += r * r + i * i
        }
        let gain = product / energy
        var (error, errorAtEdge) = (0.0, 0.0)
        for bin in output.real.indices {
            let (r, i) = bin < Spectrum.size / 2 ? self.delayed(ideal, bin) : (0, 0)
            let (x, y) = (output.real[bin] - gain * r, output.imaginary[bin] - gain * i)
            if edge.contains(bin) { errorAtEdge += x * x + y * y } else { error += x * x + y * y }
        }
        self.ratio = 10 * log10(gain * gain * energy / error)
        self.ratioOfAll = 10 * log10(gain * gain * energy / (error + errorAtEdge))
    }

    private func delayed(_ ideal: Spectrum, _ bin: Int) -> (Double, Double) {
        let angle = -2 * Double.pi * Double(bin) * 8_000 / Double(Spectrum.size) * self.delay
        let (c, s) = (cos(angle), sin(angle))
        return (ideal.real[bin] * c - ideal.imaginary[bin] * s, ideal.real[bin] * s + ideal.imaginary[bin] * c)
    }

    /// The peak of the correlation to a sample of 8 kHz, then Newton's method on its derivative.
    private static func delay(of output: Spectrum, to ideal: Spectrum, in band: ClosedRange<Int>) -> Double {
        var real = [Double](repeating: 0, count: Spectrum.size)
        var imaginary = real
        for bin in band {
            imaginary[bin] = output.real[bin] * ideal.real[bin] + output.imaginary[bin] * ideal.imaginary[bin]
            real[bin] = output.imaginary[bin] * ideal.real[bin] - output.real[bin] * ideal.imaginary[bin]
        }
        let cross = (real: imaginary, imaginary: real)
        Spectrum.transform(&real, &imaginary)
        // A delay under 100 ms, or an advance under 10 ms.
        let peak = (-80..<800).max { first, second in
            imaginary[(first + Spectrum.size) % Spectrum.size] < imaginary[(second + Spectrum.size) % Spectrum.size]
        }
        var delay = Double(peak ?? 0)
        for _ in 0..<12 {
            var (slope, curve) = (0.0, 0.0)
            for bin in band {
                let omega = 2 * Double.pi * Double(bin) / Double(Spectrum.size)
                let (c, s) = (cos(omega * delay), sin(omega * delay))
                slope += omega * (cross.real[bin] * s + cross.imaginary[bin] * c)
                curve += omega * omega * (cross.real[bin] * c - cross.imaginary[bin] * s)
            }
            delay -= slope / curve
        }
        return delay / 8_000
    }
}
