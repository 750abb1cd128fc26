package import NIOCore

/// Converts PCM16 (little-endian) at 24 kHz to mu-law at 8 kHz, frame by frame: 960 bytes become 160.
///
/// Exactly one code for three samples, however the stream is cut into frames of whole codes. The filter's group delay is
/// `AudioFilter.groupDelay`; it is flat (ripple below 0.05 dB) up to 3.4 kHz, and what lies above 4 kHz is at least 60 dB
/// down. The state is the last 168 samples (7 ms): the frame before is all that a successor needs to give the same bytes.
package struct PCM24kToMulaw: Sendable {
    /// Samples that one pass over `window` takes: one frame of 20 ms.
    private static let chunk = 480

    /// The samples before, then those of the chunk in work.
    private var window: [Int16]

    package init() {
        self.window = Array(repeating: 0, count: AudioFilter.decimation.length - 1 + Self.chunk)
    }

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
        let history = self.window.count - Self.chunk
        self.window.withUnsafeMutableBufferPointer { window in
            for index in 0..<count {
                let sample = pcm.loadUnaligned(fromByteOffset: MemoryLayout<Int16>.size * index, as: Int16.self)
                window[history + index] = Int16(littleEndian: sample)
            }
            let input = UnsafeRawPointer(window.baseAddress!)
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: count / 3) { output in
                AudioFilter.decimation.withWeights { weights in
                    MuLaw.positiveCodes.withUnsafeBufferPointer { codes in
                        for index in 0..<count / 3 {
                            let samples = input + 3 * MemoryLayout<Int16>.size * index
                            output[index] = MuLaw.encode(FilterKernel.apply(weights, to: samples), with: codes)
                        }
                    }
                }
                return count / 3
            }
            window.baseAddress!.update(from: window.baseAddress! + count, count: history)
        }
    }
}
