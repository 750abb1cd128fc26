package import NIOCore

/// Converts PCM16 (little-endian) at 24 kHz to mu-law at 8 kHz, frame by frame: 960 bytes become 160.
///
/// Exactly one code for three samples, however the stream is cut into frames of whole codes. A sound leaves it
/// `AudioFilter.decimationDelay` later (6.83 ms); it is flat (within 0.002 dB) up to 3.4 kHz, what lies above 4 kHz is
/// at least 60 dB down, and what would be heard below 3.4 kHz 75 dB. The state is the last 333 samples (13.9 ms): the
/// frame before is all that a successor needs to give the same bytes.
package struct PCM24kToMulaw: Sendable {
    /// Samples that one pass takes: one frame of 20 ms.
    private static let chunk = 480
    /// How many samples before a chunk belong to its results.
    private static let historyCount = AudioFilter.decimation.length - 3
    /// What a pass works on: the samples before, then those of the chunk, then a place for the results.
    private typealias Window = InlineArray<976, Int16>

    /// The samples before the next chunk.
    private var history: [Int16]

    package init() {
        let needed = Self.historyCount + Self.chunk + Self.chunk / 3
        precondition(needed <= Window.count, "the filter's length is fixed here")
        self.history = Array(repeating: 0, count: Self.historyCount)
    }

    /// In bytes.
    var stateSize: Int { MemoryLayout<Int16>.size * self.history.count }

    /// Forgets what was before, as at the start of a stream or an item.
    package mutating func reset() {
        self = Self()
    }

    /// Appends the codes of `frame`, whose length is a multiple of 6 bytes; a rest shorter than that is ignored.
    package mutating func convert(_ frame: ByteBuffer, into output: inout ByteBuffer) {
        frame.withUnsafeReadableBytes { bytes in
            let size = MemoryLayout<Int16>.size
            let total = bytes.count / (3 * size) * 3
            var start = 0
            while start < total {
                let count = min(Self.chunk, total - start)
                let chunk = UnsafeRawBufferPointer(rebasing: bytes[start * size..<(start + count) * size])
                self.convert(chunk, count: count, into: &output)
                start += count
            }
        }
    }

    private mutating func convert(_ pcm: UnsafeRawBufferPointer, count: Int, into output: inout ByteBuffer) {
        let history = Self.historyCount
        var window = Window(repeating: 0)
        withUnsafeMutablePointer(to: &window) { window in
            let window = UnsafeMutableRawPointer(window).assumingMemoryBound(to: Int16.self)
            self.history.withUnsafeBufferPointer { window.update(from: $0.baseAddress!, count: history) }
            // Little-endian is the order of all machines that Swift has a server for.
            UnsafeMutableRawPointer(window + history).copyMemory(
                from: pcm.baseAddress!,
                byteCount: MemoryLayout<Int16>.size * count
            )
            let results = window + history + Self.chunk
            AudioFilter.decimation.filter(UnsafeRawPointer(window), count: count / 3, into: results)
            let eighth = (count / 3 &+ 7) / 8
            let codes = UnsafeMutableRawPointer(results)
            MuLaw.encode(UnsafeBufferPointer(start: results, count: 8 &* eighth), into: codes)
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: 8 &* eighth) { output in
                for lane in 0..<8 {
                    let place = output.baseAddress! + lane &* eighth
                    for index in 0..<eighth {
                        let code = codes.load(fromByteOffset: 8 &* index &+ lane, as: UInt8.self)
                        place.storeBytes(of: code, toByteOffset: index, as: UInt8.self)
                    }
                }
                return count / 3
            }
            self.history.withUnsafeMutableBufferPointer {
                $0.baseAddress!.update(from: window + count, count: history)
            }
        }
    }
}
