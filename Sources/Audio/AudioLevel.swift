package import NIOCore

/// How loud audio is, in dBFS: the mean power against that of a square wave of full scale, which is 0 dBFS (a sine wave
/// of full scale is −3 dBFS).
package enum AudioLevel {
    /// What digital silence, and nothing at all, is reported as: below the quietest code that is not zero (−72 dBFS).
    package static let silence: Float = -96

    /// Of each mu-law code, in units of a full-scale square wave's power.
    private static let power: [Float] = MuLaw.samples.map { sample in
        let amplitude = Float(sample) / 32768
        return amplitude * amplitude
    }

    /// The level of a mu-law frame of any length; −96 … 0.
    package static func dbfs(mulaw frame: ByteBuffer) -> Float {
        guard frame.readableBytes > 0 else { return self.silence }
        let total = frame.withUnsafeReadableBytes { codes in
            self.power.withUnsafeBufferPointer { power in
                codes.reduce(Float(0)) { $0 + power[Int($1)] }
            }
        }
        guard total > 0 else { return self.silence }
        return max(self.silence, self.decibels(power: total / Float(frame.readableBytes)))
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
