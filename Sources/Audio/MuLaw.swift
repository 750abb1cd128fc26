/// ITU-T G.711 mu-law: 16-bit samples as bytes, with steps that grow with the magnitude.
///
/// A code byte, inverted, is sign (1 bit), segment (3 bits) and step (4 bits). The encoder is the canonical one: adding
/// the bias of 132 turns the decision values of the standard into the bits below the highest one.
package enum MuLaw {
    /// The code of a sample of zero.
    package static let silence: UInt8 = 0xff

    /// Added to a magnitude so that each segment begins at a power of two.
    private static let bias: Int32 = 132
    /// The highest magnitude that does not leave the last segment when biased.
    private static let clip: Int32 = 32635

    /// The sample of each code: `c = 255 - code; (((c & 15) * 8 + 132) << ((c >> 4) & 7)) - 132`, negative when
    /// `c & 128` is set.
    package static let samples: [Int16] = (0...255).map { code in
        let inverted = 255 - code
        let bias = Int(Self.bias)
        let magnitude = (((inverted & 15) * 8 + bias) << ((inverted >> 4) & 7)) - bias
        return Int16(inverted & 128 == 0 ? magnitude : -magnitude)
    }

    /// A quarter of the sample of each code, which is a whole number: −8031 … 8031.
    static let quarterSamples = Self.samples.map { $0 / 4 }

    package static func decode(_ code: UInt8) -> Int16 {
        self.samples[Int(code)]
    }

    package static func encode(_ sample: Int16) -> UInt8 {
        UInt8(truncatingIfNeeded: self.encode(SIMD4(repeating: Int32(sample)))[0])
    }

    /// Writes the codes of `samples` to `codes`.
    package static func encode(_ samples: UnsafeBufferPointer<Int16>, into codes: UnsafeMutableRawPointer) {
        let start = UnsafeRawPointer(samples.baseAddress)
        var index = 0
        while let start, index &+ 4 <= samples.count {
            let four = start.loadUnaligned(fromByteOffset: 2 &* index, as: SIMD4<Int16>.self)
            let bytes = SIMD4<UInt8>(truncatingIfNeeded: self.encode(SIMD4(truncatingIfNeeded: four)))
            codes.storeBytes(of: bytes, toByteOffset: index, as: SIMD4<UInt8>.self)
            index &+= 4
        }
        while index < samples.count {
            codes.storeBytes(of: self.encode(samples[index]), toByteOffset: index, as: UInt8.self)
            index &+= 1
        }
    }

    /// Four samples of 16 bits become codes.
    ///
    /// As a floating-point number a biased magnitude has what a code says in its first bits: 7 + segment as exponent,
    /// and the step as the first four bits after the leading one. The conversion is exact.
    @inline(__always)
    private static func encode(_ samples: SIMD4<Int32>) -> SIMD4<Int32> {
        // All bits of a negative number.
        let sign = samples &>> SIMD4(repeating: 31)
        var magnitude = (samples ^ sign) &- sign
        magnitude.replace(with: SIMD4(repeating: Self.clip), where: magnitude .> SIMD4(repeating: Self.clip))
        let bits = unsafeBitCast(SIMD4<Float>(magnitude &+ SIMD4(repeating: Self.bias)), to: SIMD4<Int32>.self)
        let positive = SIMD4<Int32>(repeating: (127 + 7) << 4 + 0xff) &- (bits &>> SIMD4(repeating: 23 - 4))
        return positive ^ (sign & SIMD4(repeating: 0x80))
    }
}
