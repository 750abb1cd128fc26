import Foundation

/// A linear-phase band-pass for 8 kHz samples that may also shift them by a part of a sample.
struct BandPass: Sendable {
    /// Taps on either side of the middle one.
    static let reach = 48

    private let taps: [Float]

    /// - Parameter advance: how much earlier the filtered signal is taken, in samples, from 0 to 1.
    init(from low: Double, to high: Double, advance: Double = 0) {
        let (low, high) = (low / 8000, high / 8000)
        self.taps = (-Self.reach...Self.reach).map { index in
            let time = Double(index) + advance
            let window = 0.5 + 0.5 * cos(Double.pi * time / Double(Self.reach + 1))
            return Float(window * (2 * high * Self.sinc(2 * high * time) - 2 * low * Self.sinc(2 * low * time)))
        }
    }

    /// The signal at `range`, each `step`-th sample; before the beginning and after the end it is silent.
    func filtered(_ samples: [Float], in range: Range<Int>, step: Int = 1) -> [Float] {
        samples.withUnsafeBufferPointer { samples in
            self.taps.withUnsafeBufferPointer { taps in
                stride(from: range.lowerBound, to: range.upperBound, by: step).map { middle in
                    let first = middle - Self.reach
                    let low = max(0, -first)
                    let high = min(taps.count, samples.count - first)
                    guard low < high else { return 0 }
                    return Self.product(
                        UnsafeBufferPointer(rebasing: taps[low..<high]),
                        UnsafeBufferPointer(rebasing: samples[first + low..<first + high])
                    )
                }
            }
        }
    }

    /// The sum of the products, eight at a time: left to itself the compiler must keep the order of float additions.
    static func product(_ a: UnsafeBufferPointer<Float>, _ b: UnsafeBufferPointer<Float>) -> Float {
        let count = min(a.count, b.count)
        let (rawA, rawB) = (UnsafeRawPointer(a.baseAddress), UnsafeRawPointer(b.baseAddress))
        guard let rawA, let rawB else { return 0 }
        var sums = SIMD8<Float>.zero
        var index = 0
        while index + 8 <= count {
            let offset = index * MemoryLayout<Float>.stride
            sums +=
                rawA.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
                * rawB.loadUnaligned(fromByteOffset: offset, as: SIMD8<Float>.self)
            index += 8
        }
        var sum = sums.sum()
        while index < count {
            sum += a[index] * b[index]
            index += 1
        }
        return sum
    }

    private static func sinc(_ x: Double) -> Double {
        x == 0 ? 1 : sin(Double.pi * x) / (Double.pi * x)
    }
}
