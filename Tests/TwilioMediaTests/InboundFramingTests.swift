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
        var framing = InboundFraming(nowUs: 0)
        for index in 0..<3 as Range<UInt64> {
            #expect(
                framing.received(Self.media(chunk: index + 1, at: 62 + 20 * index), nowUs: 0) == .accepted(filledMs: 0)
            )
            let frames = Self.frames(&framing)
            #expect(frames.map(\.sequence) == [index])
            #expect(frames.map(\.timestampMs) == [UInt32(62 + 20 * index)])
            #expect(frames[0].payload == ByteBuffer(repeating: 1, count: 160))
            #expect(!frames[0].isFilling)
        }
    }

    @Test(arguments: [1, 7, 40, 80, 159, 161, 320, 400, 1_000, 8_000])
    func `audio of any length comes out as frames of 160 bytes, in order`(_ bytes: Int) {
        var framing = InboundFraming(nowUs: 0)
        var generator = SeededGenerator(seed: 160)
        var (sent, got): ([UInt8], [UInt8]) = ([], [])
        for index in 0..<50 as Range<UInt64> {
            let audio = (0..<bytes).map { _ in UInt8.random(in: 0...255, using: &generator) }
            sent += audio
            let at = UInt64(sent.count - bytes) / 8
            let media = MediaStreamEvent.Media(chunk: index, timestampMs: at, payload: ByteBuffer(bytes: audio))
            #expect(framing.received(media, nowUs: 0) == .accepted(filledMs: 0))
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
        var framing = InboundFraming(nowUs: 0)
        _ = framing.received(Self.media(chunk: 1, at: 80), nowUs: 0)
        #expect(Self.frames(&framing).count == 1)
        #expect(
            framing.received(Self.media(chunk: 2, at: gap.timestampMs), nowUs: 0) == .accepted(filledMs: gap.filledMs)
        )
        let frames = Self.frames(&framing)
        #expect(frames.count == gap.filledMs / 20 + 1)
        #expect(frames.map(\.sequence) == (0..<frames.count).map { UInt64($0) + 1 })
        for frame in frames.dropLast() {
            #expect(frame.isFilling && frame.payload == ByteBuffer(repeating: 0xff, count: 160))
        }
        #expect(frames.last?.payload == ByteBuffer(repeating: 1, count: 160))
        #expect(frames.last?.timestampMs == gap.frameTimestampMs)
    }

    @Test func `timestamps that race make no more silence than the clock and 20 s`() {
        var framing = InboundFraming(nowUs: 0)
        var count = 0
        for index in 0..<100 as Range<UInt64> {
            _ = framing.received(Self.media(chunk: index + 1, at: 9_000 * index), nowUs: Int64(index) * 20_000)
            count += Self.frames(&framing).count
        }
        // 2 s of audio in 2 s.
        #expect(100..<1_100 + 100 ~= count)
    }

    @Test func `small gaps add up to a frame`() {
        var framing = InboundFraming(nowUs: 0)
        var filled = 0
        for index in 0..<11 as Range<UInt64> {
            guard case .accepted(let filledMs) = framing.received(Self.media(chunk: index, at: 24 * index), nowUs: 0)
            else {
                continue
            }
            filled += filledMs
            _ = Self.frames(&framing)
        }
        #expect(filled == 40)
    }

    @Test func `a gap behind a remainder keeps the order`() {
        var framing = InboundFraming(nowUs: 0)
        _ = framing.received(Self.media(chunk: 1, at: 0, bytes: 40), nowUs: 0)
        #expect(Self.frames(&framing).isEmpty)
        _ = framing.received(Self.media(chunk: 2, at: 25, bytes: 160), nowUs: 0)
        let frames = Self.frames(&framing)
        let bytes = frames.flatMap { Array($0.payload.readableBytesView) }
        #expect(
            bytes == [UInt8](repeating: 1, count: 40) + .init(repeating: 0xff, count: 160)
                + .init(repeating: 1, count: 120)
        )
    }

    @Test func `late and repeated messages are dropped`() {
        var framing = InboundFraming(nowUs: 0)
        #expect(framing.received(Self.media(chunk: 5, at: 100), nowUs: 0) == .accepted(filledMs: 0))
        _ = Self.frames(&framing)
        #expect(framing.received(Self.media(chunk: 5, at: 100), nowUs: 0) == .repeated)
        #expect(framing.received(Self.media(chunk: 4, at: 80), nowUs: 0) == .repeated)
        #expect(framing.received(Self.media(chunk: nil, at: 100), nowUs: 0) == .repeated)
        #expect(framing.received(Self.media(chunk: 6, at: 120, track: .outbound), nowUs: 0) == .otherTrack)
        #expect(Self.frames(&framing).isEmpty)
        #expect(framing.received(Self.media(chunk: 6, at: 120), nowUs: 0) == .accepted(filledMs: 0))
    }

    @Test func `messages without a clock are taken as they come`() {
        var framing = InboundFraming(nowUs: 0)
        for _ in 0..<5 {
            #expect(framing.received(Self.media(chunk: nil, at: nil), nowUs: 0) == .accepted(filledMs: 0))
        }
        #expect(Self.frames(&framing).count == 1)
    }

    // MARK: When nothing arrives

    /// Audio at 0 and 20 ms, then nothing; the clock is at 20 ms of the stream's.
    private static func spoken() -> InboundFraming {
        var framing = InboundFraming(nowUs: 0)
        _ = framing.received(Self.media(chunk: 1, at: 0), nowUs: 0)
        _ = Self.frames(&framing)
        _ = framing.received(Self.media(chunk: 2, at: 20), nowUs: 20_000)
        _ = Self.frames(&framing)
        return framing
    }

    @Test func `after half a second without audio silence is made in real time`() {
        var framing = Self.spoken()
        var made: [InboundFraming.Frame] = []
        for ms in stride(from: Int64(20), to: 1_520, by: 7) {
            framing.waited(nowUs: ms * 1_000)
            made += Self.frames(&framing)
            #expect(made.count == max(0, Int(ms - 520) / 20))
        }
        #expect(made.allSatisfy { $0.isFilling && $0.payload == ByteBuffer(repeating: 0xff, count: 160) })
        #expect(made.map(\.sequence) == (0..<made.count).map { UInt64($0) + 2 })
        #expect(made.map(\.timestampMs) == (0..<made.count).map { 40 + 20 * UInt32($0) })
    }

    @Test func `a line that was mute goes on where its clock says`() {
        var framing = Self.spoken()
        framing.waited(nowUs: 1_520_000)
        #expect(Self.frames(&framing).count == 50)
        #expect(framing.received(Self.media(chunk: 3, at: 1_520), nowUs: 1_520_000) == .accepted(filledMs: 480))
        let frames = Self.frames(&framing)
        #expect(frames.count == 25)
        #expect(frames.last?.timestampMs == 1_520 && frames.last?.sequence == 76)
    }

    @Test func `audio that was held up is not lost, and the next pause makes up for the silence`() {
        var framing = Self.spoken()
        // 800 ms late: 300 ms of silence were made meanwhile.
        framing.waited(nowUs: 820_000)
        #expect(Self.frames(&framing).count == 15)
        var heard: [InboundFraming.Frame] = []
        for index in 0..<40 as Range<UInt64> {
            let media = Self.media(chunk: 3 + index, at: 40 + 20 * index)
            #expect(framing.received(media, nowUs: 820_000) == .accepted(filledMs: 0))
            heard += Self.frames(&framing)
        }
        #expect(heard.count == 40 && heard.allSatisfy { !$0.isFilling })
        #expect(heard.first?.timestampMs == 340 && heard.last?.timestampMs == 1_120)
        // The next gap is 500 ms; 300 of it are there.
        #expect(framing.received(Self.media(chunk: 43, at: 1_340), nowUs: 830_000) == .accepted(filledMs: 200))
        #expect(Self.frames(&framing).last?.timestampMs == 1_340)
    }

    @Test func `silence begins again half a second after each message`() {
        var framing = Self.spoken()
        framing.waited(nowUs: 600_000)
        #expect(Self.frames(&framing).count == 4)
        _ = framing.received(Self.media(chunk: 3, at: 600), nowUs: 600_000)
        _ = Self.frames(&framing)
        framing.waited(nowUs: 1_119_000)
        #expect(Self.frames(&framing).isEmpty)
        framing.waited(nowUs: 1_120_000)
        #expect(Self.frames(&framing).count == 1)
    }

    @Test func `a stream that never spoke is silent on its axis too`() {
        var framing = InboundFraming(nowUs: 0)
        framing.waited(nowUs: 700_000)
        #expect(Self.frames(&framing).map(\.timestampMs) == (0..<10).map { 20 * $0 })
        #expect(framing.received(Self.media(chunk: 1, at: 700), nowUs: 700_000) == .accepted(filledMs: 500))
        #expect(Self.frames(&framing).last?.timestampMs == 700)
    }

    @Test func `a process that was stopped owes a second of silence, not an hour`() {
        var framing = Self.spoken()
        framing.waited(nowUs: 3_600_000_000)
        #expect(Self.frames(&framing).count == 50)
        framing.waited(nowUs: 3_600_020_000)
        #expect(Self.frames(&framing).count == 1)
        framing.waited(nowUs: 0)
        #expect(Self.frames(&framing).isEmpty)
    }

    @Test func `a remainder is filled up with the silence that is made`() throws {
        var framing = InboundFraming(nowUs: 0)
        _ = framing.received(Self.media(chunk: 1, at: 0, bytes: 40), nowUs: 0)
        #expect(Self.frames(&framing).isEmpty)
        framing.waited(nowUs: 520_000)
        let frame = try #require(Self.frames(&framing).first)
        let bytes = Array(frame.payload.readableBytesView)
        #expect(bytes == [UInt8](repeating: 1, count: 40) + .init(repeating: 0xff, count: 120))
    }

    @Test(.timeLimit(.minutes(1))) func `whatever comes and however late, frames are gapless and no audio is cut`() {
        var generator = SeededGenerator(seed: 500)
        var framing = InboundFraming(nowUs: 0)
        var (nowUs, timestampMs, sequence) = (Int64(0), UInt64(0), UInt64(0))
        var (sent, got) = (0, 0)
        for chunk in 1...5_000 as ClosedRange<UInt64> {
            nowUs += [0, 20_000, 20_000, 700_000].randomElement(using: &generator) ?? 0
            framing.waited(nowUs: nowUs)
            var frames = Self.frames(&framing)
            timestampMs += [20, 20, 20, 20, 340].randomElement(using: &generator) ?? 0
            _ = framing.received(Self.media(chunk: chunk, at: timestampMs), nowUs: nowUs)
            sent += 160
            frames += Self.frames(&framing)
            for frame in frames {
                #expect(frame.sequence == sequence)
                sequence += 1
                got += frame.payload.readableBytesView.count { $0 == 1 }
            }
        }
        #expect(sent == got)
    }
}
