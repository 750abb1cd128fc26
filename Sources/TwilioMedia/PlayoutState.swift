package import CallEvents
package import NIOCore

/// What one Media Stream plays to the phone: which outbound frames go to Twilio, when to ask for marks, when to clear,
/// and how far an item was heard.
///
/// All audio sent on the stream lies on one axis, in milliseconds. A mark is a point on it; a mark that comes back says
/// that everything before it was played, unless a `clear` was sent in between: then it proves nothing. Mark names hold
/// the generation of clears that they belong to.
///
/// A tone has no place on the axis, so that no position, mark or level knows it: it is sent when Twilio's buffer is
/// empty, and audio that is sent while it plays begins behind it.
package struct PlayoutState: Sendable {
    /// What to send to Twilio, in the order of the properties.
    package struct Step: Sendable, Equatable {
        package var clear = false
        package var audio: ByteBuffer?
        package var mark: String?
        /// Why the frame was not played.
        package var dropped: Drop?

        package init(clear: Bool = false, audio: ByteBuffer? = nil, mark: String? = nil, dropped: Drop? = nil) {
            self.clear = clear
            self.audio = audio
            self.mark = mark
            self.dropped = dropped
        }
    }

    package enum Drop: String, Sendable, CaseIterable {
        /// Made for another stream of the call.
        case otherStream = "other_stream"
        /// From a session that lost the call.
        case staleSession = "stale_session"
        /// From before the newest barge-in.
        case stalePlayout = "stale_playout"
        /// Seen before.
        case repeated
        /// Not 20 ms of mu-law.
        case badAudio = "bad_audio"
    }

    package enum Acknowledged: Sendable, Equatable {
        /// Unknown, or from before a clear.
        case ignored
        /// The position moved on.
        case played
        /// Everything before the hang-up was played.
        case hangUp
    }

    private struct Mark {
        var counter: UInt64
        var atMs: Int
        var isHangUp: Bool
    }

    private struct Segment {
        var itemID: String
        var startMs: Int
    }

    private static let markIntervalMs = 100

    private var fence: OutboundFence

    private var segments = CircularBuffer<Segment>()
    /// Audio of the newest segment's item, and how much of it lies before the newest mark.
    private var itemMs = 0
    private var markedMs = 0
    /// All audio sent, in milliseconds: the end of the axis. A clear takes it back to what was played.
    package private(set) var sentMs = 0
    /// Where playing certainly was at `provenAtUs`.
    private var provenMs = 0
    private var provenAtUs: Int64 = 0
    /// Of the tone sent last.
    private var toneEndsAtUs = Int64.min

    private var marks = CircularBuffer<Mark>()
    private var generation = 0
    private var nextCounter: UInt64 = 0
    private var isCleared = true
    package private(set) var isHangingUp = false

    package init(streamEpoch: UInt32) {
        self.fence = OutboundFence(streamEpoch: streamEpoch)
    }

    /// An outbound frame arrived.
    package mutating func received(_ frame: AudioFrame, nowUs: Int64) -> Step {
        let passage = self.fence.admit(frame)
        var step = Step(dropped: passage.dropped)
        if passage.clears { step.clear = self.clear(nowUs: nowUs) }
        if passage.dropped == nil { self.take(frame, nowUs: nowUs, step: &step) }
        // The clear answered the mark that the hang-up waited for: wait for another one.
        if step.clear, self.isHangingUp, frame.control != .hangUp { step.mark = self.addMark(isHangUp: true) }
        return step
    }

    private mutating func take(_ frame: AudioFrame, nowUs: Int64, step: inout Step) {
        switch frame.control {
        case .clear, .alive: break
        case .hangUp:
            self.isHangingUp = true
            step.mark = self.addMark(isHangUp: true)
        case .endOfItem:
            if self.itemMs > self.markedMs { step.mark = self.addMark() }
        case .none: self.play(frame, nowUs: nowUs, step: &step)
        }
    }

    /// Twilio returned a mark.
    package mutating func acknowledged(mark name: String, nowUs: Int64) -> Acknowledged {
        guard let dot = name.utf8.firstIndex(of: UInt8(ascii: ".")), Int(name[..<dot]) == self.generation,
            let counter = UInt64(name[name.utf8.index(after: dot)...]), let newest = self.marks.last,
            counter <= newest.counter
        else { return .ignored }
        var result = Acknowledged.ignored
        // A mark also proves those before it.
        while let mark = self.marks.first, mark.counter <= counter {
            self.marks.removeFirst()
            self.provenMs = mark.atMs
            self.provenAtUs = nowUs
            result = result == .hangUp || mark.isHangUp ? .hangUp : .played
        }
        while self.segments.count > 1, self.segments[offset: 1].startMs < self.provenMs {
            self.segments.removeFirst()
        }
        return result
    }

    /// The item that plays, or played last, and how much of what this stream was sent of it has been heard: proven by
    /// marks, between marks by the clock, and never past the next mark or what was sent. Nil while nothing was played.
    package func position(nowUs: Int64) -> AudioFrame.Playout? {
        let playedMs = self.playedMs(nowUs: nowUs)
        guard let segment = self.segments.last(where: { $0.startMs < playedMs }) else { return nil }
        return AudioFrame.Playout(itemID: segment.itemID, playedMs: UInt32(playedMs - segment.startMs))
    }

    /// Audio sent and not yet played.
    package func unplayedMs(nowUs: Int64) -> Int {
        self.sentMs - self.playedMs(nowUs: nowUs)
    }

    /// How far on the axis playing is.
    package func playedMs(nowUs: Int64) -> Int {
        let limit = self.marks.first?.atMs ?? self.sentMs
        return min(self.provenMs + Int(max(0, nowUs - self.provenAtUs) / 1_000), limit)
    }

    /// Nothing sent waits or plays, as far as marks and the clock say.
    package func isQuiet(nowUs: Int64) -> Bool {
        self.isPlayed(nowUs: nowUs) && nowUs >= self.toneEndsAtUs
    }

    /// A tone is sent, while it is quiet.
    package mutating func playsTone(milliseconds: Int, nowUs: Int64) {
        self.toneEndsAtUs = nowUs + Int64(milliseconds) * 1_000
    }

    private func isPlayed(nowUs: Int64) -> Bool {
        self.marks.isEmpty && self.unplayedMs(nowUs: nowUs) == 0
    }

    private mutating func play(_ frame: AudioFrame, nowUs: Int64, step: inout Step) {
        if self.isPlayed(nowUs: nowUs) {
            // Nothing at Twilio is before this frame but a tone.
            self.provenMs = self.sentMs
            self.provenAtUs = max(nowUs, self.toneEndsAtUs)
        }
        if self.isCleared || self.segments.last?.itemID != frame.itemID {
            self.segments.append(Segment(itemID: frame.itemID, startMs: self.sentMs))
            self.itemMs = 0
            self.markedMs = 0
        }
        self.isCleared = false
        self.itemMs += 20
        self.sentMs += 20
        step.audio = frame.payload
        if self.itemMs - self.markedMs >= Self.markIntervalMs { step.mark = self.addMark() }
    }

    /// Drops what is not played.
    /// - Returns: false when nothing can be waiting at Twilio.
    private mutating func clear(nowUs: Int64) -> Bool {
        guard !self.isCleared || nowUs < self.toneEndsAtUs else { return false }
        self.toneEndsAtUs = .min
        let playedMs = self.playedMs(nowUs: nowUs)
        self.isCleared = true
        self.generation += 1
        self.marks.removeAll()
        self.sentMs = playedMs
        self.provenMs = playedMs
        self.provenAtUs = nowUs
        self.itemMs = 0
        self.markedMs = 0
        while let last = self.segments.last, last.startMs >= playedMs {
            self.segments.removeLast()
        }
        return true
    }

    private mutating func addMark(isHangUp: Bool = false) -> String {
        let mark = Mark(counter: self.nextCounter, atMs: self.sentMs, isHangUp: isHangUp)
        self.nextCounter += 1
        self.markedMs = self.itemMs
        self.marks.append(mark)
        return "\(self.generation).\(mark.counter)"
    }
}
