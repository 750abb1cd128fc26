package import NIOCore

/// The end of a stereo recording that is still being put together: two tracks of mu-law, 8 kHz.
package struct StereoWindow: Sendable {
    package enum Track: Int, Sendable {
        case caller = 0
        case agent = 1
    }

    private static let bytesPerMs = 8
    private static let blockMs = 10_000
    private static let silence: UInt8 = 0xff

    /// Where it begins.
    package private(set) var startMs = 0
    /// Both tracks alternating.
    private var samples: [UInt8] = []

    package init() {}

    /// Where its last audio ends.
    package var endMs: Int { self.startMs + self.samples.count / 2 / Self.bytesPerMs }

    /// Puts audio on a track; what would be before the beginning is cut.
    package mutating func place(_ audio: ByteBuffer, on track: Track, atMs: Int) {
        var position = (atMs - self.startMs) * Self.bytesPerMs
        let missing = 2 * (position + audio.readableBytes) - self.samples.count
        if missing > 0 { self.samples.append(contentsOf: repeatElement(Self.silence, count: missing)) }
        for byte in audio.readableBytesView {
            if position >= 0 { self.samples[2 * position + track.rawValue] = byte }
            position += 1
        }
    }

    /// Takes what lies before `endMs`, in blocks, silence where nothing was placed.
    package mutating func take(upToMs endMs: Int, _ body: ([UInt8]) throws -> Void) rethrows {
        while self.startMs < endMs {
            let milliseconds = min(endMs - self.startMs, Self.blockMs)
            let count = 2 * milliseconds * Self.bytesPerMs
            var block = Array(self.samples.prefix(count))
            self.samples.removeFirst(block.count)
            block.append(contentsOf: repeatElement(Self.silence, count: count - block.count))
            self.startMs += milliseconds
            try body(block)
        }
    }
}
