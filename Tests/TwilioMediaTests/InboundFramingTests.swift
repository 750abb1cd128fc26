import NIOCore
import SeededRandom
import Testing
import TwilioMedia

@Suite struct InboundFramingTests {
    private static func media(
        chunk: UInt64?,
        at timestampMs: UInt64?,
        bytes: Int = 160,
        value: UInt8 = 1,
        track: MediaStreamEvent.Media.Track = .inbound
    ) -> MediaStreamEvent.Media {
        .init(
            track: track,
            chunk: chunk,
            timestampMs: timestampMs,
            payload: ByteBuffer(repeating: value, count: bytes)
        )
    }

    private static func frames(_ framing: inout InboundFraming) -> [InboundFraming.Frame] {
        var frames: [InboundFraming.Frame] = []
        while let frame = framing.next() { frames.append(frame) }
        return frames
    }

    @Test func `a message of 20 ms is a frame, and shares its memory`() throws {
        var framing = InboundFraming()
        for index in 0..<3 as Range<UInt64> {
            #expect(framing.received(Self.media(chunk: index + 1, at: 62 + 20 * index)) == .accepted(filledMs: 0))
            let frames = Self.frames(&framing)
            #expect(frames.map(\.sequence) == [index])
            #expect(frames.map(\.timestampMs) == [UInt32(62 + 20 * index)])
            #expect(frames[0].payload == ByteBuffer(repeating: 1, count: 160))
            #expect(!frames[0].isFilling)
        }
    }

    @Test(arguments: [1, 7, 40, 80, 159, 161, 320, 400, 1_000, 8_000])
    func `audio of any length comes out as frames of 160 bytes, in order`(_ bytes: Int) {
        var framing = InboundFraming()
        var generator = SeededGenerator(seed: 160)
        var (sent, got): ([UInt8], [UInt8]) = ([], [])
        for index in 0..<50 as Range<UInt64> {
            let audio = (0..<bytes).map { _ in UInt8.random(in: 0...255, using: &generator) }
            sent += audio
            let at = UInt64(sent.count - bytes) / 8
            let media = MediaStreamEvent.Media(chunk: index, timestampMs: at, payload: ByteBuffer(bytes: audio))
            #expect(framing.received(media) == .accepted(filledMs: 0))
            for frame in Self.frames(&framing) {
                #expect(frame.payload.readableBytes == 160)
                #expect(frame.sequence == UInt64(got.count / 160))
                #expect(frame.timestampMs == UInt32(got.count / 8))
                got += Array(frame.payload.readableBytesView)
            }
        }
        #expect(got == Array(sent.prefix(sent.count / 160 * 160)))
    }

    struct Gap: Sendable {
        var timestampMs: UInt64
        var filledMs: Int
        var frameTimestampMs: UInt32
    }

    @Test(arguments: [
        Gap(timestampMs: 100, filledMs: 0, frameTimestampMs: 100),
        Gap(timestampMs: 119, filledMs: 0, frameTimestampMs: 100),
        Gap(timestampMs: 120, filledMs: 20, frameTimestampMs: 120),
        Gap(timestampMs: 175, filledMs: 60, frameTimestampMs: 160),
        Gap(timestampMs: 90, filledMs: 0, frameTimestampMs: 100),
        Gap(timestampMs: 10_100, filledMs: 10_000, frameTimestampMs: 10_100),
        Gap(timestampMs: 60_100, filledMs: 10_000, frameTimestampMs: 60_100),
        Gap(timestampMs: .max, filledMs: 0, frameTimestampMs: 100),
    ])
    func `a gap on the stream's clock is filled with silence`(_ gap: Gap) throws {
        var framing = InboundFraming()
        _ = framing.received(Self.media(chunk: 1, at: 80))
        #expect(Self.frames(&framing).count == 1)
        #expect(framing.received(Self.media(chunk: 2, at: gap.timestampMs)) == .accepted(filledMs: gap.filledMs))
        let frames = Self.frames(&framing)
        #expect(frames.count == gap.filledMs / 20 + 1)
        #expect(frames.map(\.sequence) == (0..<frames.count).map { UInt64($0) + 1 })
        for frame in frames.dropLast() {
            #expect(frame.isFilling && frame.payload == ByteBuffer(repeating: 0xff, count: 160))
        }
        #expect(frames.last?.payload == ByteBuffer(repeating: 1, count: 160))
        #expect(frames.last?.timestampMs == gap.frameTimestampMs)
    }

    @Test func `small gaps add up to a frame`() {
        var framing = InboundFraming()
        var filled = 0
        for index in 0..<11 as Range<UInt64> {
            guard case .accepted(let filledMs) = framing.received(Self.media(chunk: index, at: 24 * index)) else {
                continue
            }
            filled += filledMs
            _ = Self.frames(&framing)
        }
        #expect(filled == 40)
    }

    @Test func `a gap behind a remainder keeps the order`() {
        var framing = InboundFraming()
        _ = framing.received(Self.media(chunk: 1, at: 0, bytes: 40))
        #expect(Self.frames(&framing).isEmpty)
        _ = framing.received(Self.media(chunk: 2, at: 25, bytes: 160))
        let frames = Self.frames(&framing)
        let bytes = frames.flatMap { Array($0.payload.readableBytesView) }
        #expect(
            bytes == [UInt8](repeating: 1, count: 40) + .init(repeating: 0xff, count: 160)
                + .init(repeating: 1, count: 120)
        )
    }

    @Test func `late and repeated messages are dropped`() {
        var framing = InboundFraming()
        #expect(framing.received(Self.media(chunk: 5, at: 100)) == .accepted(filledMs: 0))
        _ = Self.frames(&framing)
        #expect(framing.received(Self.media(chunk: 5, at: 100)) == .repeated)
        #expect(framing.received(Self.media(chunk: 4, at: 80)) == .repeated)
        #expect(framing.received(Self.media(chunk: nil, at: 100)) == .repeated)
        #expect(framing.received(Self.media(chunk: 6, at: 120, track: .outbound)) == .otherTrack)
        #expect(Self.frames(&framing).isEmpty)
        #expect(framing.received(Self.media(chunk: 6, at: 120)) == .accepted(filledMs: 0))
    }

    @Test func `messages without a clock are taken as they come`() {
        var framing = InboundFraming()
        for _ in 0..<5 { #expect(framing.received(Self.media(chunk: nil, at: nil)) == .accepted(filledMs: 0)) }
        #expect(Self.frames(&framing).count == 1)
    }
}
