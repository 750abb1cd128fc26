import CallEvents
import Foundation
import NIOCore
import SeededRandom
import SwiftProtobuf
import Testing

/// Our reader against generated code, on bytes that nobody wrote on purpose.
@Suite(.timeLimit(.minutes(2))) struct AudioFrameFuzzTests {
    @Test func `random bytes never trap and are judged as by generated code`() {
        var random = SeededGenerator(seed: 20_261)
        for round in 0..<20_000 {
            let bytes = (0..<Int.random(in: 0...40, using: &random)).map { _ in
                // Mostly small values: they are tags and lengths that fit.
                Bool.random(using: &random)
                    ? UInt8.random(in: 0...0x68, using: &random) : UInt8.random(in: 0...255, using: &random)
            }
            Self.check(bytes, "round \(round)")
            Self.check([0x08, 0x01] + bytes, "round \(round) behind a codec")
        }
    }

    @Test(arguments: AudioFrameTests.frames)
    func `damaged frames never trap and are judged as by generated code`(frame: AudioFrame) {
        var random = SeededGenerator(seed: 42)
        var buffer = ByteBuffer()
        frame.write(to: &buffer)
        let original = Array(buffer.readableBytesView)
        for cut in 0..<min(original.count, 400) { Self.check(Array(original[..<cut]), "cut at \(cut)") }
        for round in 0..<2_000 {
            var bytes = original
            for _ in 0...Int.random(in: 0...2, using: &random) {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0...2, using: &random) {
                case 0: bytes[index] = .random(in: 0...255, using: &random)
                case 1: bytes.insert(.random(in: 0...255, using: &random), at: index)
                default: if bytes.count > 1 { bytes.remove(at: index) }
                }
            }
            Self.check(bytes, "round \(round)")
        }
    }

    private static func check(_ bytes: [UInt8], _ context: String) {
        let ours = try? AudioFrame(record: ByteBuffer(bytes: bytes))
        #expect(ours.map(ProtoAudioFrame.init) == Self.reference(bytes), "\(context): \(bytes)")
    }

    /// What generated code makes of the same bytes, without unknown fields; nil where it, or our narrower reading,
    /// refuses them.
    private static func reference(_ bytes: [UInt8]) -> ProtoAudioFrame? {
        guard var frame = try? ProtoAudioFrame(serializedBytes: bytes),
            !Self.hasGroup(frame.unknownFields), !Self.hasGroup(frame.playout.unknownFields),
            frame.codec == .pcmu || frame.codec == .pcm24K
        else { return nil }
        if case .UNRECOGNIZED = frame.control { return nil }
        frame.unknownFields = UnknownStorage()
        if frame.hasPlayout { frame.playout.unknownFields = UnknownStorage() }
        return frame
    }

    private static func hasGroup(_ unknown: UnknownStorage) -> Bool {
        var fields = ByteBuffer(bytes: unknown.data)
        while let tag = fields.readVarint() {
            switch tag & 7 {
            case 0: _ = fields.readVarint()
            case 1: fields.moveReaderIndex(forwardBy: 8)
            case 2: fields.moveReaderIndex(forwardBy: Int(fields.readVarint() ?? 0))
            case 5: fields.moveReaderIndex(forwardBy: 4)
            default: return true
            }
        }
        return false
    }
}

extension ByteBuffer {
    fileprivate mutating func readVarint() -> UInt64? {
        var value: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = self.readInteger(as: UInt8.self) {
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
            shift += 7
        }
        return nil
    }
}
