import CallEvents
import NIOCore

/// Audio of calls that nobody has told us to start: it may be faster than the command. Kept for 15 s.
struct OrphanAudio: Sendable {
    private static let limit = 750
    private static let keptUs: Int64 = 15_000_000

    private var frames: [ByteBuffer: CircularBuffer<AudioFrame>] = [:]

    /// - Returns: how many frames had to go for this one.
    mutating func add(_ frame: AudioFrame, of call: ByteBuffer) -> Int {
        var dropped = 0
        if self.frames[call] == nil {
            dropped += self.forget(before: frame.receivedAtUs - Self.keptUs)
            // A key, too, shares the memory of what was consumed with it.
            self.frames[call.unshared] = []
        }
        self.frames[call]?.append(frame.unshared)
        if let count = self.frames[call]?.count, count > Self.limit {
            self.frames[call]?.removeFirst()
            dropped += 1
        }
        return dropped
    }

    mutating func take(_ call: ByteBuffer) -> [AudioFrame] {
        self.frames.removeValue(forKey: call).map { Array($0) } ?? []
    }

    /// Forgets calls that went silent.
    private mutating func forget(before timeUs: Int64) -> Int {
        var dropped = 0
        for (call, frames) in self.frames where (frames.last?.receivedAtUs ?? 0) < timeUs {
            dropped += frames.count
            self.frames[call] = nil
        }
        return dropped
    }
}
