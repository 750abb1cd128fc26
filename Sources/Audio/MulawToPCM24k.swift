package import NIOCore

/// Converts mu-law at 8 kHz to PCM16 (little-endian) at 24 kHz, frame by frame: 160 bytes become 960.
///
/// Exactly three samples for each code, however the stream is cut into frames. A sound leaves it
/// `AudioFilter.interpolationDelay` later (6.92 ms); it is flat (within 0.002 dB) up to 3.4 kHz, images of what is below
/// that are at least 95 dB down, and everything above 4 kHz is 60 dB down. What overshoots 16 bits is limited. The state
/// is the last 110 codes (13.75 ms): the frame before is all that a successor needs to give the same bytes.
package struct MulawToPCM24k: Sendable {
    /// Samples that one pass takes: one frame of 20 ms.
    private static let chunk = 160
    /// How many samples before a chunk belong to its results.
    private static let historyCount = 2 * (AudioFilter.interpolation.length - 1)
    /// What a pass works on: quarters of the samples before, then those of the chunk; after that the same in reverse.
    private typealias Window = InlineArray<544, Int16>

    /// Quarters of the samples before the next chunk; after that the same in reverse.
    private var history: [Int16]

    package init() {
        precondition(2 * (Self.historyCount + Self.chunk) <= Window.count, "the filter's length is fixed here")
        self.history = Array(repeating: 0, count: 2 * Self.historyCount)
    }

    /// In bytes.
    var stateSize: Int { MemoryLayout<Int16>.size * self.history.count }

    /// Forgets what was before, as at the start of a stream or an item.
    package mutating func reset() {
        self = Self()
    }

    /// Appends the PCM of `frame`, of any length.
    package mutating func convert(_ frame: ByteBuffer, into output: inout ByteBuffer) {
        frame.withUnsafeReadableBytes { codes in
            var start = 0
            while start < codes.count {
                let count = min(Self.chunk, codes.count - start)
                self.convert(UnsafeRawBufferPointer(rebasing: codes[start..<start + count]), into: &output)
                start += count
            }
        }
    }

    private mutating func convert(_ codes: UnsafeRawBufferPointer, into output: inout ByteBuffer) {
        let filter = AudioFilter.interpolation
        let (history, count) = (Self.historyCount, codes.count)
        let size = history + Self.chunk
        var window = Window(repeating: 0)
        withUnsafeMutablePointer(to: &window) { window in
            let forward = UnsafeMutableRawPointer(window).assumingMemoryBound(to: Int16.self)
            let backward = forward + size
            self.history.withUnsafeBufferPointer { before in
                forward.update(from: before.baseAddress!, count: history)
                (backward + Self.chunk).update(from: before.baseAddress! + history, count: history)
            }
            MuLaw.quarterSamples.withUnsafeBufferPointer { samples in
                var index = 0
                // Eight at a time, because what is stored in pieces is slow to load as a whole.
                while index &+ 8 <= count {
                    @inline(__always)
                    func sample(_ offset: Int) -> Int16 { samples[Int(codes[index &+ offset])] }
                    let eight = SIMD8(
                        sample(0),
                        sample(1),
                        sample(2),
                        sample(3),
                        sample(4),
                        sample(5),
                        sample(6),
                        sample(7)
                    )
                    UnsafeMutableRawPointer(forward + (history &+ index)).storeBytes(of: eight, as: SIMD8<Int16>.self)
                    UnsafeMutableRawPointer(backward + (Self.chunk &- 8 &- index))
                        .storeBytes(of: eight.reversed, as: SIMD8<Int16>.self)
                    index &+= 8
                }
                while index < count {
                    forward[history &+ index] = samples[Int(codes[index])]
                    backward[Self.chunk &- 1 &- index] = samples[Int(codes[index])]
                    index &+= 1
                }
            }
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: 6 * count + 2) { output in
                filter.filter(
                    following: UnsafeRawPointer(forward + filter.length - 1),
                    preceding: UnsafeRawPointer(backward + size - filter.length),
                    count: count,
                    into: output.baseAddress!
                )
                return 6 * count
            }
            self.history.withUnsafeMutableBufferPointer { after in
                after.baseAddress!.update(from: forward + count, count: history)
                (after.baseAddress! + history).update(from: backward + Self.chunk - count, count: history)
            }
        }
    }
}

extension SIMD8 {
    @inline(__always)
    fileprivate var reversed: Self { Self(self[7], self[6], self[5], self[4], self[3], self[2], self[1], self[0]) }
}
