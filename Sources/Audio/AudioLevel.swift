package import NIOCore

/// How loud audio is, in dBFS: the mean power against that of a square wave of full scale, which is 0 dBFS (a sine wave
/// of full scale is −3 dBFS).
package enum AudioLevel {
    /// What digital silence, and nothing at all, is reported as: below the quietest code that is not zero (−72 dBFS).
    package static let silence: Float = -96

    /// The square of each mu-law code's sample.
    private static let squares: [UInt32] = MuLaw.samples.map { sample in
        UInt32(sample.magnitude) * UInt32(sample.magnitude)
    }

    /// The level of a mu-law frame of any length; −96 … 0.
    package static func dbfs(mulaw frame: ByteBuffer) -> Float {
        self.dbfs(energy: self.energy(mulaw: frame), samples: frame.readableBytes)
    }

    /// The sum of the squares of a mu-law frame's samples: energies of frames add up.
    package static func energy(mulaw frame: ByteBuffer) -> UInt64 {
        frame.withUnsafeReadableBytes { codes in
            self.squares.withUnsafeBufferPointer { squares in
                codes.reduce(UInt64(0)) { $0 &+ UInt64(squares[Int($1)]) }
            }
        }
    }

    /// The level of so many samples with this `energy`; −96 … 0.
    package static func dbfs(energy: UInt64, samples: Int) -> Float {
        guard energy > 0, samples > 0 else { return self.silence }
        let fullScale: Float = 32768 * 32768
        return max(self.silence, self.decibels(power: Float(energy) / Float(samples) / fullScale))
    }

    /// 10 · log10 of a positive number: its exponent, and a series for its significand (1 ..< 2), exact to 0.0001 dB.
    static func decibels(power: Float) -> Float {
        let ratio = (power.significand - 1) / (power.significand + 1)
        var term = ratio
        var sum: Float = 0
        for divisor in stride(from: Float(1), through: 9, by: 2) {
            sum += term / divisor
            term *= ratio * ratio
        }
        let naturalLogarithm = Float(power.exponent) * 0.693_147_18 + 2 * sum
        return naturalLogarithm * 4.342_944_8
    }
}
