package import NIOCore

/// Converts mu-law at 8 kHz to PCM16 (little-endian) at 24 kHz, frame by frame: 160 bytes become 960.
///
/// Exactly three samples for each code, however the stream is cut into frames. The filter's group delay is
/// `AudioFilter.groupDelay`; it is flat (ripple below 0.05 dB) up to 3.4 kHz, and images are at least 60 dB down.
/// The state is the last 56 codes (7 ms): the frame before is all that a successor needs to give the same bytes.
package struct MulawToPCM24k: Sendable {
    /// Samples that one pass over `window` takes: one frame of 20 ms.
    private static let chunk = 160

    /// The samples before, then those of the chunk in work.
    private var window: [Int16]

    package init() {
        self.window = Array(repeating: 0, count: AudioFilter.interpolation[0].length - 1 + Self.chunk)
    }

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
        let history = self.window.count - Self.chunk
        let size = 3 * MemoryLayout<Int16>.size * codes.count
        self.window.withUnsafeMutableBufferPointer { window in
            MuLaw.samples.withUnsafeBufferPointer { samples in
                for index in 0..<codes.count { window[history + index] = samples[Int(codes[index])] }
            }
            let input = UnsafeRawPointer(window.baseAddress!)
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { output in
                Self.interpolate(input, count: codes.count, into: output)
                return size
            }
            window.baseAddress!.update(from: window.baseAddress! + codes.count, count: history)
        }
    }

    /// Each new sample gives three: the same samples, weighted by each third of the filter.
    private static func interpolate(_ input: UnsafeRawPointer, count: Int, into output: UnsafeMutableRawBufferPointer) {
        let thirds = AudioFilter.interpolation
        thirds[0].withWeights { first in
            thirds[1].withWeights { second in
                thirds[2].withWeights { third in
                    for index in 0..<count {
                        let samples = input + MemoryLayout<Int16>.size * index
                        let place = 6 * index
                        output.storeBytes(
                            of: FilterKernel.apply(first, to: samples).littleEndian,
                            toByteOffset: place,
                            as: Int16.self
                        )
                        output.storeBytes(
                            of: FilterKernel.apply(second, to: samples).littleEndian,
                            toByteOffset: place + 2,
                            as: Int16.self
                        )
                        output.storeBytes(
                            of: FilterKernel.apply(third, to: samples).littleEndian,
                            toByteOffset: place + 4,
                            as: Int16.self
                        )
                    }
                }
            }
        }
    }
}
