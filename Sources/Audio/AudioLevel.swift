package import NIOCore

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

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
        return max(self.silence, 10 * log10(total / Float(frame.readableBytes)))
    }
}
