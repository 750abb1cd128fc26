/// ITU-T G.711 A-law, the decoding half.
enum ALaw {
    static let samples: [Int16] = (0...255).map { code in
        let inverted = code ^ 0x55
        let segment = inverted >> 4 & 7
        let step = (inverted & 15) << 4 + 8
        let magnitude = segment == 0 ? step : (step + 0x100) << (segment - 1)
        return Int16(inverted & 0x80 == 0 ? -magnitude : magnitude)
    }

    /// The code of the nearest sample.
    static func encode(_ sample: Int16) -> UInt8 {
        Self.codes[(Int(sample) + 32768) >> 4]
    }

    private static let codes: [UInt8] = (0..<4096).map { step in
        let sample = step << 4 - 32768 + 8
        let nearest = Self.samples.indices.min {
            abs(Int(Self.samples[$0]) - sample) < abs(Int(Self.samples[$1]) - sample)
        }
        return UInt8(nearest ?? 0xd5)
    }
}
