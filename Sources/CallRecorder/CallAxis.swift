package import CallEvents
package import NIOCore

/// The one time axis of a call's recording: each stream's caller audio where Twilio's timestamps say, the streams as far
/// apart as the wall clock says. It begins with the call's first audio.
///
/// Frames of an older stream and frames seen before are dropped, as their consumers in the call do it.
package struct CallAxis: Sendable {
    /// 20 ms of the caller in their place, with what is known of the agent then.
    package struct Frame: Sendable, Equatable {
        package var streamEpoch: UInt32
        package var outboundPartition: Int32
        /// Unix microseconds.
        package var receivedAtUs: Int64
        /// On the axis.
        package var startMs: Int
        /// 160 bytes of mu-law, 8 kHz, or none.
        package var audio: ByteBuffer
        /// How far the agent was heard at `startMs`; nil where that is not known.
        package var playout: AudioFrame.Playout?
    }

    /// A stream's clock.
    private struct Stream {
        var epoch: UInt32
        var lastSequence: UInt64
        /// When the stream's clock was at zero, Unix microseconds: told by the frames that came with the least delay.
        var originUs: Int64
        /// Where on the axis the stream's clock is at zero; nil while too few frames are known to say.
        var baseMs: Int?
        /// Frames until then.
        var waiting: [AudioFrame] = []

        mutating func follow(_ frame: AudioFrame) {
            let originUs = frame.receivedAtUs &- Int64(frame.timestampMs) * 1_000
            // The two clocks drift apart: of old measurements a little less is believed with each frame.
            self.originUs = min(self.originUs &+ CallAxis.driftUs, originUs)
        }
    }

    /// Twilio ends a call after four hours. What lies beyond this has a wrong time.
    package static let limitMs = 5 * 60 * 60_000
    /// How many frames of a stream tell when it began: the first ones wait for their process.
    private static let firstFrames = 25
    /// 100 ppm of a frame.
    private static let driftUs: Int64 = 2

    private var stream: Stream?
    /// The origin and base of the stream before.
    private var previous: (originUs: Int64, baseMs: Int)?
    private var endMs = 0
    /// Placed last; handed out when the next one tells whether the position is its own.
    private var held: Frame?
    /// Frames that have no place: not mu-law of 20 ms, or of an impossible time.
    package private(set) var unplaceable = 0
    /// The streams seen.
    package private(set) var streams = 0
    /// The call was under way when its first audio here was spoken.
    package private(set) var beginsLate = false

    package init() {}

    /// A frame of the caller, in the order of its topic.
    /// - Returns: those that have found their place, in the order of the axis.
    package mutating func received(_ frame: AudioFrame) -> [Frame] {
        let bytes = frame.payload.readableBytes
        guard frame.codec == .pcmu, bytes == 0 || bytes == AudioFrame.Codec.pcmu.frameBytes else {
            self.unplaceable += 1
            return []
        }
        var placed: [Frame] = []
        if let stream {
            guard frame.streamEpoch >= stream.epoch else { return [] }
            if frame.streamEpoch > stream.epoch {
                placed = self.placeWaiting()
                self.begin(frame)
            } else if frame.sequence <= stream.lastSequence {
                return []
            }
        } else {
            self.beginsLate = frame.streamEpoch > 1 || frame.sequence > 0
            self.begin(frame)
        }
        self.stream?.lastSequence = frame.sequence
        self.stream?.follow(frame)
        if self.stream?.baseMs != nil { return placed + self.place(frame) }
        self.stream?.waiting.append(frame)
        if let count = self.stream?.waiting.count, count >= Self.firstFrames { placed += self.placeWaiting() }
        return placed
    }

    /// No more frames come.
    package mutating func finish() -> [Frame] {
        let placed = self.placeWaiting()
        defer { self.held = nil }
        return placed + (self.held.map { [$0] } ?? [])
    }

    private mutating func begin(_ frame: AudioFrame) {
        if let stream, let baseMs = stream.baseMs { self.previous = (stream.originUs, baseMs) }
        self.streams += 1
        self.stream = Stream(
            epoch: frame.streamEpoch,
            lastSequence: frame.sequence,
            originUs: frame.receivedAtUs &- Int64(frame.timestampMs) * 1_000
        )
    }

    private mutating func placeWaiting() -> [Frame] {
        guard let stream, stream.baseMs == nil, let first = stream.waiting.first else { return [] }
        let firstMs = Int(first.timestampMs)
        var baseMs = -firstMs
        if let previous {
            baseMs = previous.baseMs + Int((stream.originUs &- previous.originUs) / 1_000)
            // Two hosts' clocks may say that it began before the other one ended.
            baseMs = max(baseMs, self.endMs - firstMs)
        }
        self.stream?.baseMs = baseMs
        self.stream?.waiting = []
        return stream.waiting.flatMap { self.place($0) }
    }

    private mutating func place(_ frame: AudioFrame) -> [Frame] {
        let startMs = (self.stream?.baseMs ?? 0) + Int(frame.timestampMs)
        guard startMs >= self.endMs, startMs < Self.limitMs else {
            self.unplaceable += 1
            return []
        }
        self.endMs = startMs + 20
        let placed = Frame(
            streamEpoch: frame.streamEpoch,
            outboundPartition: frame.outboundPartition,
            receivedAtUs: frame.receivedAtUs,
            startMs: startMs,
            audio: frame.payload,
            playout: frame.playout
        )
        defer { self.held = placed }
        guard var before = self.held else { return [] }
        if before.receivedAtUs == placed.receivedAtUs, before.streamEpoch == placed.streamEpoch {
            // Silence made for a gap: all of it came at once, and the position is that of the last.
            before.playout = nil
        }
        return [before]
    }
}
