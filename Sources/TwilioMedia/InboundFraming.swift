package import NIOCore

/// Cuts a stream's `media` messages into frames of exactly 20 ms without gaps.
///
/// Twilio numbers its messages and stamps them with the stream's clock, which jumps where audio was lost: the gap is
/// filled with silence, so that a turn detector hears the pause. A message that is late or was seen before is dropped.
///
/// A line that sends nothing at all (mute with silence suppression) leaves no gap to see. When no message came for
/// 500 ms, silence is made in real time, 20 ms every 20 ms, until one comes. The 500 ms themselves are not made up for
/// at once: most pauses of that length are a network that catches up. It is the same before the first audio: whoever
/// talks to the phone learns from these frames where it is.
///
/// Audio is placed where its timestamp says, or right behind what was made already when that is later; none is cut. So
/// a line that was mute leaves no trace: the silence made counts towards the gap. Audio that was only held up moves
/// back by no more than the silence that was made in its place, and the next gap, which is filled by that much less,
/// brings the axis back.
///
/// Silence never runs more than 20 s ahead of the clock: a peer whose timestamps race does not flood those behind us.
///
/// Call `received` or `waited`, then `next` until it returns nil.
package struct InboundFraming: Sendable {
    package struct Frame: Sendable, Equatable {
        /// From 0, gapless.
        package var sequence: UInt64
        /// On the stream's clock, of the frame's first sample.
        package var timestampMs: UInt32
        /// 160 bytes of mu-law, 8 kHz.
        package var payload: ByteBuffer
        /// Made here, because the stream had a gap.
        package var isFilling: Bool
    }

    package enum Received: Sendable, Equatable {
        /// Taken; this much silence goes before it.
        case accepted(filledMs: Int)
        /// Late, or seen before.
        case repeated
        /// Not the caller's track.
        case otherTrack
    }

    /// How long nothing may come before silence is made, in microseconds.
    package static let patienceUs: Int64 = 500_000

    private static let frameUs: Int64 = 20_000
    private static let frameBytes = 160
    private static let bytesPerMs: UInt64 = 8
    /// More is not made at once: whoever did not run for so long owes no silence.
    private static let maxFramesAtOnce: Int64 = 50
    private static let silence = ByteBuffer(repeating: 0xff, count: frameBytes)

    /// A longer gap is filled only up to here.
    private let maxGapMs: UInt64
    private var lastChunk: UInt64?
    private var lastTimestampMs: UInt64?
    /// Where on the stream's clock the next byte to arrive is expected, in bytes.
    private var expected: UInt64 = 0
    private var nextSequence: UInt64 = 0
    /// On the stream's clock, of the next frame's first byte, in bytes.
    private var framePosition: UInt64 = 0

    private let startedAtUs: Int64
    /// When audio came last, or the stream began; Unix microseconds.
    private var heardAtUs: Int64
    /// Silence owed since then, made or not.
    private var silentFrames: Int64 = 0

    /// Waiting to be cut, in this order; `rest` is shorter than a frame.
    private var rest = ByteBuffer()
    private var fillingBytes = 0
    private var audio = ByteBuffer()

    /// - Parameters:
    ///   - nowUs: Unix microseconds, here and below.
    ///   - maxGapMs: 10 s is what other implementations fill.
    package init(nowUs: Int64, maxGapMs: Int = 10_000) {
        self.startedAtUs = nowUs
        self.heardAtUs = nowUs
        self.maxGapMs = UInt64(maxGapMs)
    }

    package mutating func received(_ media: MediaStreamEvent.Media, nowUs: Int64) -> Received {
        guard media.track == .inbound else { return .otherTrack }
        if let chunk = media.chunk {
            if let lastChunk = self.lastChunk, chunk <= lastChunk { return .repeated }
        } else if let timestamp = media.timestampMs, let last = self.lastTimestampMs, timestamp <= last {
            return .repeated
        }
        self.lastChunk = media.chunk ?? self.lastChunk
        self.heardAtUs = nowUs
        self.silentFrames = 0
        // Beyond 49 days, where `timestamp_ms` of a frame ends, there is no clock.
        let timestamp = media.timestampMs.flatMap { $0 <= UInt32.max ? $0 : nil }
        let filled = timestamp.map { self.advance(to: $0, nowUs: nowUs) } ?? 0
        self.fillingBytes += filled
        self.audio = media.payload
        self.expected += UInt64(filled + media.payload.readableBytes)
        return .accepted(filledMs: filled / Int(Self.bytesPerMs))
    }

    /// Makes the silence that is due by now, if nothing came for long.
    package mutating func waited(nowUs: Int64) {
        let quietUs = nowUs - self.heardAtUs - Self.patienceUs
        guard quietUs >= Self.frameUs else { return }
        let due = quietUs / Self.frameUs - self.silentFrames
        guard due > 0 else { return }
        self.silentFrames += due
        let bytes = Int(min(due, Self.maxFramesAtOnce)) * Self.frameBytes
        self.fillingBytes += bytes
        self.expected += UInt64(bytes)
    }

    /// The next frame of what was received or made; a remainder below 20 ms waits for the next message.
    package mutating func next() -> Frame? {
        let available = self.rest.readableBytes + self.fillingBytes + self.audio.readableBytes
        guard available >= Self.frameBytes else {
            self.keepRest()
            return nil
        }
        let isFilling = self.rest.readableBytes == 0 && self.fillingBytes >= Self.frameBytes
        let frame = Frame(
            sequence: self.nextSequence,
            timestampMs: UInt32(truncatingIfNeeded: self.framePosition / Self.bytesPerMs),
            payload: isFilling ? self.takeSilence() : self.takeFrame(),
            isFilling: isFilling
        )
        self.nextSequence += 1
        self.framePosition += UInt64(Self.frameBytes)
        return frame
    }

    /// Moves the clock to a message's timestamp.
    /// - Returns: the gap before the message in bytes: whole frames, at most `maxGapMs`. Less than a frame is left to
    ///   add up.
    private mutating func advance(to timestamp: UInt64, nowUs: Int64) -> Int {
        defer { self.lastTimestampMs = timestamp }
        let position = timestamp * Self.bytesPerMs
        if self.lastTimestampMs == nil, self.expected == 0 {
            // The first audio begins the axis, unless silence was made before it.
            self.expected = position
            self.framePosition = position
            return 0
        }
        guard timestamp >= self.lastTimestampMs ?? 0 else {
            // The clock went backwards: go on from here without a gap.
            self.expected = position
            return 0
        }
        guard position >= self.expected + UInt64(Self.frameBytes) else { return 0 }
        let gap = position - self.expected
        let limit = min(self.maxGapMs * Self.bytesPerMs, self.allowedBytes(nowUs: nowUs))
        let filled = min(gap, limit) / UInt64(Self.frameBytes) * UInt64(Self.frameBytes)
        if gap > limit {
            self.framePosition += gap - filled
            self.expected += gap - filled
        }
        return Int(filled)
    }

    /// The silence that may be made at once.
    private func allowedBytes(nowUs: Int64) -> UInt64 {
        let elapsedMs = UInt64(max(0, nowUs - self.startedAtUs)) / 1_000
        let allowed = (elapsedMs + 2 * self.maxGapMs) * Self.bytesPerMs
        let made = self.nextSequence * UInt64(Self.frameBytes)
        return allowed > made ? allowed - made : 0
    }

    private mutating func takeSilence() -> ByteBuffer {
        self.fillingBytes -= Self.frameBytes
        return Self.silence
    }

    private mutating func takeFrame() -> ByteBuffer {
        if self.rest.readableBytes == 0, self.fillingBytes == 0 {
            // What nearly always happens: the message is the frame.
            if self.audio.readableBytes == Self.frameBytes {
                defer { self.audio = ByteBuffer() }
                return self.audio
            }
            return self.audio.readSlice(length: Self.frameBytes) ?? ByteBuffer()
        }
        var frame = self.rest
        self.rest = ByteBuffer()
        let silent = min(self.fillingBytes, Self.frameBytes - frame.readableBytes)
        frame.writeRepeatingByte(0xff, count: silent)
        self.fillingBytes -= silent
        if var head = self.audio.readSlice(length: Self.frameBytes - frame.readableBytes) {
            frame.writeBuffer(&head)
        }
        return frame
    }

    private mutating func keepRest() {
        self.rest.writeRepeatingByte(0xff, count: self.fillingBytes)
        self.fillingBytes = 0
        self.rest.writeBuffer(&self.audio)
        self.audio = ByteBuffer()
    }
}
