import CallEvents
import Foundation
import NIOCore
import SwiftProtobuf
import Testing

extension ProtoAudioFrame {
    /// The same frame as generated code has it.
    init(_ frame: AudioFrame) {
        self.init()
        self.codec = ProtoAudioCodec(rawValue: Int(frame.codec.rawValue)) ?? .unspecified
        self.payload = Data(frame.payload.readableBytesView)
        self.streamEpoch = frame.streamEpoch
        self.sequence = frame.sequence
        self.outboundPartition = frame.outboundPartition
        self.receivedAtUs = frame.receivedAtUs
        self.timestampMs = frame.timestampMs
        if let playout = frame.playout {
            self.playout.itemID = playout.itemID
            self.playout.playedMs = playout.playedMs
        }
        self.sessionEpoch = frame.sessionEpoch
        self.playoutEpoch = frame.playoutEpoch
        self.itemID = frame.itemID
        self.control = ProtoAudioControl(rawValue: Int(frame.control.rawValue)) ?? .none
    }
}

@Suite struct AudioFrameTests {
    static let inbound = AudioFrame(
        codec: .pcmu,
        payload: ByteBuffer(bytes: (0..<160).map { UInt8($0) }),
        streamEpoch: 2,
        sequence: 1_234,
        outboundPartition: 7,
        receivedAtUs: 1_780_000_000_000_000,
        timestampMs: 24_680,
        playout: .init(itemID: "item_C9CJkwdRcQfdEpHBFmVNr", playedMs: 1_460)
    )
    static let outbound = AudioFrame(
        codec: .pcm24k,
        payload: ByteBuffer(bytes: (0..<960).map { UInt8(truncatingIfNeeded: $0 * 7) }),
        streamEpoch: 1,
        sequence: 99,
        outboundPartition: 11,
        receivedAtUs: 1_780_000_000_000_000,
        sessionEpoch: 4_711,
        playoutEpoch: 3,
        itemID: "item_C9CJkwdRcQfdEpHBFmVNr"
    )
    static let extreme = AudioFrame(
        codec: .pcm24k,
        payload: ByteBuffer(bytes: [0]),
        streamEpoch: .max,
        sequence: .max,
        outboundPartition: .min,
        receivedAtUs: .min,
        timestampMs: .max,
        playout: .init(itemID: "ünïcode ☎️", playedMs: .max),
        sessionEpoch: -1,
        playoutEpoch: .max,
        itemID: String(repeating: "x", count: 300),
        control: .clear
    )
    static let frames = [
        Self.inbound, Self.outbound, Self.extreme,
        AudioFrame(codec: .pcmu),
        AudioFrame(codec: .pcmu, outboundPartition: -1, playout: .init(itemID: "", playedMs: 0)),
        AudioFrame(codec: .pcm24k, sequence: 128, sessionEpoch: 1, itemID: "item", control: .endOfItem),
        AudioFrame(codec: .pcm24k, sequence: 129, sessionEpoch: 1, control: .hangUp),
    ]

    private static func written(_ frame: AudioFrame) -> ByteBuffer {
        var buffer = ByteBuffer()
        frame.write(to: &buffer)
        return buffer
    }

    @Test(arguments: Self.frames) func `the bytes are those of generated code`(frame: AudioFrame) throws {
        let generated: Data = try ProtoAudioFrame(frame).serializedData()
        #expect(Data(Self.written(frame).readableBytesView) == generated)
    }

    @Test(arguments: Self.frames) func `what was written is read as it was`(frame: AudioFrame) throws {
        #expect(try AudioFrame(record: Self.written(frame)) == frame)
    }

    @Test func `a frame is appended, and read from the middle of a buffer`() throws {
        var buffer = ByteBuffer(string: "before")
        Self.inbound.write(to: &buffer)
        buffer.moveReaderIndex(forwardBy: 6)
        #expect(try AudioFrame(record: buffer) == Self.inbound)
    }

    @Test func `fields of a newer version are skipped, whatever their type`() throws {
        var buffer = Self.written(Self.outbound)
        buffer.writeBytes([0xf8, 0x01, 0x96, 0x01])  // field 31, varint 150
        buffer.writeBytes([0xf9, 0x01] + Array(repeating: 1, count: 8))  // field 31, fixed64
        buffer.writeBytes([0xfa, 0x01, 0x03, 1, 2, 3])  // field 31, bytes
        buffer.writeBytes([0xfd, 0x01] + Array(repeating: 1, count: 4))  // field 31, fixed32
        #expect(try AudioFrame(record: buffer) == Self.outbound)
    }

    @Test func `a known number with another type is unknown`() throws {
        var buffer = Self.written(Self.outbound)
        buffer.writeBytes([0x22, 0x01, 0x05])  // sequence, but as bytes
        #expect(try AudioFrame(record: buffer) == Self.outbound)
    }

    @Test func `the last value of a field counts, and a repeated message is merged`() throws {
        var buffer = Self.written(Self.inbound)
        buffer.writeBytes([0x20, 0x05])  // sequence 5
        buffer.writeBytes([0x42, 0x02, 0x10, 0x07])  // playout { played_ms: 7 }
        let frame = try AudioFrame(record: buffer)
        #expect(frame.sequence == 5)
        #expect(frame.playout == .init(itemID: "item_C9CJkwdRcQfdEpHBFmVNr", playedMs: 7))
    }

    static let unreadable: [([UInt8], AudioFrameError.Code)] = [
        ([], .badCodec), ([0x08, 0x00], .badCodec), ([0x08, 0x03], .badCodec), ([0x08, 0xff, 0x7f], .badCodec),
        ([0x08, 0x01, 0x60, 0x05], .badControl), ([0x08, 0x01, 0x60, 0x80, 0x02], .badControl),
        ([0x08], .truncated), ([0x08, 0x81], .truncated), ([0x12, 0x05, 1, 2], .truncated), ([0x0d, 1, 2], .truncated),
        ([0x12] + Array(repeating: 0xff, count: 9) + [0x01], .truncated),
        ([0x00], .badTag), ([0x0b], .badTag), ([0x0c], .badTag), ([0x0f], .badTag),
        (Array(repeating: 0xff, count: 11), .badTag), ([0xf8, 0xff, 0xff, 0xff, 0x7f, 0x00], .badTag),
        ([0x08, 0x01, 0x5a, 0x02, 0xc3, 0x28], .badText), ([0x08, 0x01, 0x42, 0x03, 0x0a, 0x01, 0xff], .badText),
    ]

    @Test(arguments: Self.unreadable)
    func `bytes that are no frame are refused with the reason`(bytes: [UInt8], code: AudioFrameError.Code) {
        let error = #expect(throws: AudioFrameError.self) { try AudioFrame(record: ByteBuffer(bytes: bytes)) }
        #expect(error?.code == code)
    }
}
