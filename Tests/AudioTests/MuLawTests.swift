import Foundation
import NIOCore
import Testing

@testable import Audio

/// The reference tables: identical in libsndfile, in the standard's decision values and in the biased arithmetic.
private struct MuLawVectors: Decodable {
    struct Decode: Decodable { var table: [Int16] }
    struct Encode: Decodable {
        enum CodingKeys: String, CodingKey { case table = "table_base64" }
        var table: Data
    }
    var decode: Decode
    var encode: Encode

    static func load() throws -> Self {
        let url = try #require(Bundle.module.url(forResource: "mulaw", withExtension: "json", subdirectory: "Fixtures"))
        return try JSONDecoder().decode(Self.self, from: Data(contentsOf: url))
    }
}

@Suite struct MuLawTests {
    @Test func `all 256 codes decode to the samples of the reference`() throws {
        let expected = try MuLawVectors.load().decode.table
        #expect(expected.count == 256)
        #expect((0...255).map { MuLaw.decode(UInt8($0)) } == expected)
        #expect(MuLaw.samples == expected)
    }

    @Test func `all 65536 samples encode to the codes of the reference`() throws {
        let expected = try MuLawVectors.load().encode.table
        #expect(expected.count == 65536)
        let codes = (-32768...32767).map { MuLaw.encode(Int16($0)) }
        #expect(codes == Array(expected))
    }

    @Test func `every code but negative zero survives decoding and encoding`() {
        let changed = (UInt8.min...UInt8.max).filter { MuLaw.encode(MuLaw.decode($0)) != $0 }
        #expect(changed == [0x7f])
    }
}

@Suite struct AudioLevelTests {
    private static func frame(_ sample: (Int) -> Double) -> ByteBuffer {
        ByteBuffer(bytes: (0..<160).map { MuLaw.encode(Int16(sample($0))) })
    }

    @Test func `silence and an empty frame are at the floor`() {
        #expect(AudioLevel.dbfs(mulaw: ByteBuffer(repeating: MuLaw.silence, count: 160)) == AudioLevel.silence)
        #expect(AudioLevel.dbfs(mulaw: ByteBuffer()) == AudioLevel.silence)
    }

    @Test(arguments: [(32124.0, -3.2), (3212.4, -23.2), (321.24, -43.2)])
    func `a sine wave has its mean power`(amplitude: Double, dbfs: Double) {
        let frame = Self.frame { amplitude * sin(2 * .pi * Double($0) / 16) }
        #expect(abs(Double(AudioLevel.dbfs(mulaw: frame)) - dbfs) < 0.3)
    }

    @Test func `decibels are those of the logarithm`() {
        for power: Float in [1, 0.5, 0.999_999, 1e-7, 0.013, 3.7e-5, 2.3e-10, .leastNonzeroMagnitude] {
            #expect(abs(AudioLevel.decibels(power: power) - 10 * log10(power)) < 0.001)
        }
    }

    @Test func `the quietest square wave is above the floor and the loudest near 0`() {
        #expect(AudioLevel.dbfs(mulaw: Self.frame { $0 % 2 == 0 ? 8 : -8 }) > AudioLevel.silence)
        #expect(abs(AudioLevel.dbfs(mulaw: Self.frame { $0 % 2 == 0 ? 32124 : -32124 })) < 0.2)
    }
}
