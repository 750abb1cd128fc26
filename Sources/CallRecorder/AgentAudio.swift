package import CallEvents
package import NIOCore
import TwilioMedia

/// The agent's audio that one stream was sent, from which what was played is taken in its order.
///
/// It is cut into the same segments as `PlayoutState` makes, which the playout positions on the caller's frames refer to.
package struct AgentAudio: Sendable {
    private struct Segment {
        var itemID: String
        var audio = ByteBuffer()
        var takenMs = 0
        /// A clear came behind it: what is not played then never is.
        var isCleared = false

        var sentMs: Int { self.takenMs + self.audio.readableBytes / AgentAudio.bytesPerMs }

        mutating func take(toMs: Int) -> ByteBuffer {
            let milliseconds = min(toMs, self.sentMs) - self.takenMs
            guard milliseconds > 0 else { return ByteBuffer() }
            self.takenMs += milliseconds
            let bytes = milliseconds * AgentAudio.bytesPerMs
            // A copy: a slice would have the next frame copy all that waits.
            let taken = ByteBuffer(bytes: self.audio.readableBytesView.prefix(bytes))
            self.audio.moveReaderIndex(forwardBy: bytes)
            if self.audio.readerIndex > AgentAudio.reclaimBytes { self.audio.discardReadBytes() }
            return taken
        }
    }

    /// Twilio buffers no more than ten minutes (warning 31931): what is older and was not played is forgotten.
    package static let capacityMs = 10 * 60_000
    private static let bytesPerMs = 8
    private static let reclaimBytes = 1 << 16

    private var fence: OutboundFence
    /// The first one plays, or played last.
    private var segments = CircularBuffer<Segment>()
    /// Audio that is here.
    package private(set) var waitingMs = 0

    package init(streamEpoch: UInt32) {
        self.fence = OutboundFence(streamEpoch: streamEpoch)
    }

    /// The next outbound frame, in the order of the topic.
    package mutating func received(_ frame: AudioFrame) {
        let passage = self.fence.admit(frame)
        if passage.clears {
            for index in self.segments.indices { self.segments[index].isCleared = true }
        }
        guard passage.dropped == nil, frame.control == .none else { return }
        if self.segments.last.map({ $0.isCleared || $0.itemID != frame.itemID }) ?? true {
            self.segments.append(Segment(itemID: frame.itemID))
        }
        let newest = self.segments.index(before: self.segments.endIndex)
        self.segments[newest].audio.writeImmutableBuffer(frame.payload)
        self.waitingMs += frame.payload.readableBytes / Self.bytesPerMs
        while self.waitingMs > Self.capacityMs { self.forgetOldest() }
    }

    private mutating func forgetOldest() {
        if self.segments.count > 1 {
            self.waitingMs -= self.segments.removeFirst().audio.readableBytes / Self.bytesPerMs
        } else {
            let oldest = self.segments[offset: 0].takenMs + 1_000
            self.waitingMs -= self.segments[offset: 0].take(toMs: oldest).readableBytes / Self.bytesPerMs
        }
    }

    /// Whether all that is played up to `playout` is here.
    package func holds(_ playout: AudioFrame.Playout) -> Bool {
        guard let index = self.index(of: playout) else { return false }
        // Only the newest one grows.
        return index < self.segments.count - 1 || self.segments[offset: index].sentMs >= Int(playout.playedMs)
    }

    /// What was played since the last time, when by now `playout` was reached. Nothing, when the position is unknown.
    package mutating func take(upTo playout: AudioFrame.Playout) -> ByteBuffer {
        guard let index = self.index(of: playout) else { return ByteBuffer() }
        var played = ByteBuffer()
        for _ in 0..<index {
            var segment = self.segments.removeFirst()
            self.waitingMs -= segment.audio.readableBytes / Self.bytesPerMs
            guard !segment.isCleared else { continue }
            var rest = segment.take(toMs: segment.sentMs)
            played.writeBuffer(&rest)
        }
        var rest = self.segments[offset: 0].take(toMs: Int(playout.playedMs))
        self.waitingMs -= rest.readableBytes / Self.bytesPerMs
        played.writeBuffer(&rest)
        return played
    }

    /// The segment that a position is in: positions never go back.
    private func index(of playout: AudioFrame.Playout) -> Int? {
        for index in 0..<self.segments.count {
            let segment = self.segments[offset: index]
            if segment.itemID == playout.itemID, index > 0 || Int(playout.playedMs) >= segment.takenMs { return index }
        }
        return nil
    }
}
