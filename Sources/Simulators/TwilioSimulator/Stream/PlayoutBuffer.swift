package import NIOCore

/// What the agent sent and the phone has not played yet, with the marks between.
///
/// It counts in bytes of mu-law, 8 to a millisecond. The frame taken last is being played; it is over when the next one is taken.
package struct PlayoutBuffer: Sendable {
    /// Twilio buffers ten minutes and drops what goes beyond (31931).
    package static let limit = 10 * 60 * 8000

    package struct Mark: Sendable, Equatable {
        package var name: String
        /// The bytes queued before it since the stream began.
        package var position: Int
    }

    private var chunks: [ByteBuffer] = []
    private var firstChunk = 0
    private var marks: [Mark] = []
    private var taken = 0
    private var finished = 0

    /// Bytes still to be taken.
    package private(set) var queued = 0

    package init() {}

    /// Queues audio.
    /// - Returns: whether it fitted; what does not is dropped whole.
    package mutating func append(_ audio: ByteBuffer) -> Bool {
        guard self.queued + audio.readableBytes <= Self.limit else { return false }
        guard audio.readableBytes > 0 else { return true }
        self.chunks.append(audio)
        self.queued += audio.readableBytes
        return true
    }

    /// Queues a mark behind the audio so far.
    /// - Returns: true when nothing is before it, so that it goes back at once.
    package mutating func append(mark name: String) -> Bool {
        let position = self.taken + self.queued
        if self.marks.isEmpty, position <= self.finished { return true }
        self.marks.append(Mark(name: name, position: position))
        return false
    }

    /// Drops what was not taken.
    /// - Returns: the bytes dropped, and all outstanding marks: they go back at once.
    package mutating func clear() -> (dropped: Int, marks: [Mark]) {
        let result = (self.queued, self.marks)
        self.chunks.removeAll()
        self.firstChunk = 0
        self.queued = 0
        self.marks.removeAll()
        return result
    }

    /// The time of one frame has passed: what was taken before is played.
    /// - Returns: the marks that are due.
    package mutating func advance() -> [Mark] {
        self.finished = self.taken
        guard let first = self.marks.first, first.position <= self.finished else { return [] }
        let due = self.marks.prefix { $0.position <= self.finished }
        self.marks.removeFirst(due.count)
        return Array(due)
    }

    /// Takes up to `count` bytes to be played next, appending them to `frame`.
    package mutating func take(_ count: Int, into frame: inout ByteBuffer) {
        var missing = min(count, self.queued)
        self.taken += missing
        self.queued -= missing
        while missing > 0 {
            let available = min(missing, self.chunks[self.firstChunk].readableBytes)
            if var part = self.chunks[self.firstChunk].readSlice(length: available) { frame.writeBuffer(&part) }
            missing -= available
            if self.chunks[self.firstChunk].readableBytes == 0 { self.firstChunk += 1 }
        }
        // Chunks are removed in bulk, so that each costs its share only.
        if self.firstChunk == self.chunks.count {
            self.chunks.removeAll(keepingCapacity: true)
            self.firstChunk = 0
        } else if self.firstChunk >= 256 {
            self.chunks.removeFirst(self.firstChunk)
            self.firstChunk = 0
        }
    }
}
