/// ITU-T G.711 mu-law: 16-bit samples as bytes, with steps that grow with the magnitude.
///
/// A code byte, inverted, is sign (1 bit), segment (3 bits) and step (4 bits). The encoder is the canonical one: adding
/// the bias of 132 turns the decision values of the standard into the bits below the highest one.
package enum MuLaw {
    /// The code of a sample of zero.
    package static let silence: UInt8 = 0xff

    /// Added to a magnitude so that each segment begins at a power of two.
    private static let bias = 132
    /// The highest magnitude that does not leave the last segment when biased.
    private static let clip = 32635

    /// The sample of each code: `c = 255 - code; (((c & 15) * 8 + 132) << ((c >> 4) & 7)) - 132`, negative when
    /// `c & 128` is set.
    package static let samples: [Int16] = (0...255).map { code in
        let inverted = 255 - code
        let magnitude = (((inverted & 15) * 8 + Self.bias) << ((inverted >> 4) & 7)) - Self.bias
        return Int16(inverted & 128 == 0 ? magnitude : -magnitude)
    }

    /// The code of each biased magnitude of a positive sample, in steps of 8, the finest of the code:
    /// `e` = index of the highest set bit, minus 7; code = NOT (`e << 4 | (biased >> (e + 3)) & 15`).
    static let positiveCodes: [UInt8] = (0...(Self.clip + Self.bias) >> 3).map { step in
        // No magnitude is smaller than the bias; the entries below it are never used.
        let biased = max(step << 3, Self.bias)
        let segment = (Int.bitWidth - 1 - biased.leadingZeroBitCount) - 7
        return ~UInt8(segment << 4 | (biased >> (segment + 3)) & 15)
    }

    package static func decode(_ code: UInt8) -> Int16 {
        self.samples[Int(code)]
    }

    package static func encode(_ sample: Int16) -> UInt8 {
        self.positiveCodes.withUnsafeBufferPointer { self.encode(sample, with: $0) }
    }

    /// - Parameter positiveCodes: `Self.positiveCodes`, fetched once for many samples.
    @inline(__always)
    static func encode(_ sample: Int16, with positiveCodes: UnsafeBufferPointer<UInt8>) -> UInt8 {
        let biased = min(Int(sample.magnitude), self.clip) + self.bias
        return positiveCodes[biased >> 3] ^ (sample < 0 ? 0x80 : 0)
    }
}
