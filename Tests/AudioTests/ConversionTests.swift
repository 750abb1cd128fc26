import Audio
import Foundation
import NIOCore
import Testing

@Suite struct ConversionTests {
    /// Two seconds of a sweep over the whole phone band.
    private static let speechBand = Signals.chirp(100, 3_900, rate: 8_000, amplitude: 20_000, count: 16_000)

    private static func up(_ input: ByteBuffer, frame: Int) -> ByteBuffer {
        var converter = MulawToPCM24k()
        return Self.inFrames(input, of: frame) { converter.convert($0, into: &$1) }
    }

    private static func down(_ input: ByteBuffer, frame: Int) -> ByteBuffer {
        var converter = PCM24kToMulaw()
        return Self.inFrames(input, of: frame) { converter.convert($0, into: &$1) }
    }

    private static func inFrames(
        _ input: ByteBuffer,
        of size: Int,
        _ convert: (ByteBuffer, inout ByteBuffer) -> Void
    ) -> ByteBuffer {
        var rest = input
        var output = ByteBuffer()
        while rest.readableBytes > 0 {
            convert(rest.readSlice(length: min(size, rest.readableBytes))!, &output)
        }
        return output
    }

    @Test func `a frame becomes exactly a frame`() {
        let pcm = Self.up(Signals.mulaw(Self.speechBand), frame: 160)
        #expect(pcm.readableBytes == 6 * Self.speechBand.count)
        #expect(Self.down(pcm, frame: 960).readableBytes == Self.speechBand.count)
    }

    @Test(arguments: [1, 7, 80, 160, 161, 1_000])
    func `frame by frame gives the same bytes as all at once`(frame: Int) {
        let codes = Signals.mulaw(Self.speechBand)
        let pcm = Self.up(codes, frame: codes.readableBytes)
        #expect(Self.up(codes, frame: frame) == pcm)
        #expect(Self.down(pcm, frame: 6 * frame) == Self.down(pcm, frame: pcm.readableBytes))
    }

    @Test func `output is appended`() {
        var converter = MulawToPCM24k()
        var output = ByteBuffer(string: "before")
        converter.convert(ByteBuffer(repeating: MuLaw.silence, count: 160), into: &output)
        #expect(output == ByteBuffer(bytes: Array("before".utf8) + Array(repeating: 0, count: 960)))
    }

    @Test func `the frame before is all the history there is`() {
        let codes = Signals.mulaw(Self.speechBand)
        let whole = Self.up(codes, frame: 160)
        var successor = MulawToPCM24k()
        var primed = ByteBuffer()
        successor.convert(codes.getSlice(at: 49 * 160, length: 160)!, into: &primed)
        primed.clear()
        successor.convert(codes.getSlice(at: 50 * 160, length: 160)!, into: &primed)
        #expect(primed == whole.getSlice(at: 50 * 960, length: 960))

        let back = Self.down(whole, frame: 960)
        var second = PCM24kToMulaw()
        var converted = ByteBuffer()
        second.convert(whole.getSlice(at: 49 * 960, length: 960)!, into: &converted)
        converted.clear()
        second.convert(whole.getSlice(at: 50 * 960, length: 960)!, into: &converted)
        #expect(converted == back.getSlice(at: 50 * 160, length: 160))
    }

    @Test func `after a reset nothing of the past is left`() {
        let codes = Signals.mulaw(Self.speechBand)
        var used = MulawToPCM24k()
        var ignored = ByteBuffer()
        used.convert(codes, into: &ignored)
        used.reset()
        var afterReset = ByteBuffer()
        used.convert(codes, into: &afterReset)
        #expect(afterReset == Self.up(codes, frame: codes.readableBytes))

        var usedDown = PCM24kToMulaw()
        ignored.clear()
        usedDown.convert(afterReset, into: &ignored)
        usedDown.reset()
        var again = ByteBuffer()
        usedDown.convert(afterReset, into: &again)
        #expect(again == ignored)
    }

    @Test func `the bytes are the same on every machine`() {
        func checksum(_ buffer: ByteBuffer) -> UInt64 {
            buffer.readableBytesView.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        }
        // Every code, in an order without structure.
        let codes = ByteBuffer(bytes: (0..<16_000).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) })
        let pcm = Self.up(codes, frame: 160)
        #expect(checksum(pcm) == 17_144_761_078_058_775_538)
        #expect(checksum(Self.down(pcm, frame: 960)) == 9_316_209_201_294_341_680)
    }

    @Test func `a sweep comes back from a round trip with the noise of mu-law only`() {
        let sweep = Signals.chirp(200, 3_300, rate: 8_000, amplitude: 20_000, count: 16_000)
        let back = Signals.decoded(Self.down(Self.up(Signals.mulaw(sweep), frame: 160), frame: 960))
        let delay = 110
        var signal = 0.0
        var noise = 0.0
        for index in 200..<sweep.count - 200 {
            let difference = Double(back[index + delay]) - Double(sweep[index])
            signal += Double(sweep[index]) * Double(sweep[index])
            noise += difference * difference
        }
        #expect(10 * log10(signal / noise) > 34)
    }

    @Test func `the loudest input is limited and comes back loud`() {
        let square = (0..<1_600).map { Int16($0 / 20 % 2 == 0 ? 32_124 : -32_124) }
        let pcm = Signals.samples(Self.up(Signals.mulaw(square), frame: 160))
        #expect(pcm.max() == .max)
        #expect(pcm.min() == .min)
        // In the middle of each half-wave the sign is right: nothing wrapped.
        for index in 10..<70 {
            let middle = pcm[(index * 20 + 10) * 3 + AudioFilter.interpolationDelay]
            #expect((middle > 20_000) == (index % 2 == 0))
            #expect(abs(Int(middle)) > 20_000)
        }
    }

    @Test func `a rest that is no whole sample is ignored`() {
        var converter = PCM24kToMulaw()
        var output = ByteBuffer()
        converter.convert(ByteBuffer(repeating: 0, count: 11), into: &output)
        #expect(output == ByteBuffer(bytes: [MuLaw.silence]))
        converter.convert(ByteBuffer(), into: &output)
        #expect(output.readableBytes == 1)
    }
}
