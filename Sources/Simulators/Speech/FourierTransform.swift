import Foundation

/// The discrete Fourier transform of complex sequences whose length is a power of two.
struct FourierTransform: Sendable {
    let size: Int
    private let cosines: [Float]
    private let sines: [Float]

    init(size: Int) {
        precondition(size > 1 && size & (size - 1) == 0)
        self.size = size
        let angles = (0..<size / 2).map { 2 * Double.pi * Double($0) / Double(size) }
        self.cosines = angles.map { Float(cos($0)) }
        self.sines = angles.map { Float(-sin($0)) }
    }

    /// In place, not scaled. The inverse is the same with the two parts exchanged, scaled by 1 / size.
    func transform(_ real: inout [Float], _ imaginary: inout [Float]) {
        precondition(real.count == self.size && imaginary.count == self.size)
        real.withUnsafeMutableBufferPointer { real in
            imaginary.withUnsafeMutableBufferPointer { imaginary in
                self.reorder(real, imaginary)
                var half = 1
                while half < self.size {
                    self.combine(real, imaginary, half: half)
                    half *= 2
                }
            }
        }
    }

    private func reorder(_ real: UnsafeMutableBufferPointer<Float>, _ imaginary: UnsafeMutableBufferPointer<Float>) {
        var reversed = 0
        for index in 1..<self.size {
            var bit = self.size >> 1
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
    }

    private func combine(
        _ real: UnsafeMutableBufferPointer<Float>,
        _ imaginary: UnsafeMutableBufferPointer<Float>,
        half: Int
    ) {
        let step = self.size / (2 * half)
        self.cosines.withUnsafeBufferPointer { cosines in
            self.sines.withUnsafeBufferPointer { sines in
                for start in stride(from: 0, to: self.size, by: 2 * half) {
                    for offset in 0..<half {
                        let (c, s) = (cosines[offset * step], sines[offset * step])
                        let (low, high) = (start + offset, start + offset + half)
                        let r = real[high] * c - imaginary[high] * s
                        let i = real[high] * s + imaginary[high] * c
                        real[high] = real[low] - r
                        imaginary[high] = imaginary[low] - i
                        real[low] += r
                        imaginary[low] += i
                    }
                }
            }
        }
    }
}
