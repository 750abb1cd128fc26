import Audio
import CResamplers
import Foundation
import NIOCore

/// One frame of 20 ms in, what comes of it appended.
typealias Conversion = (_ frame: ByteBuffer, _ output: inout ByteBuffer) -> Void

/// A way to convert in both directions: ours, or that of a library between the same mu-law steps.
struct Resampler {
    var name: String
    /// mu-law 8 kHz → PCM16 24 kHz, for one call.
    var up: () -> Conversion
    /// PCM16 24 kHz → mu-law 8 kHz, for one call.
    var down: () -> Conversion

    static var ours: Self {
        Self(
            name: "ours",
            up: {
                var converter = MulawToPCM24k()
                return { converter.convert($0, into: &$1) }
            },
            down: {
                var converter = PCM24kToMulaw()
                return { converter.convert($0, into: &$1) }
            }
        )
    }

    /// Ours, then those of the libraries that are installed; which are not is said on standard error.
    static func all() -> [Self] {
        var found = [Self.ours]
        if let library = SoxrLibrary() {
            // Recipes 0, 1, 2, 4 and 6 of soxr.h.
            for (name, recipe) in [("quick", 0), ("low", 1), ("medium", 2), ("high", 4), ("very_high", 6)] {
                found.append(Self("soxr_\(name)") { library.stream(from: $0, to: $1, recipe: UInt(recipe)) })
            }
        } else {
            Self.missing("libsoxr", package: "libsoxr-dev")
        }
        if let library = SpeexLibrary() {
            for quality in [3, 5, 10] {
                found.append(Self("speex_\(quality)") { library.stream(from: $0, to: $1, quality: Int32(quality)) })
            }
        } else {
            Self.missing("libspeexdsp", package: "libspeexdsp-dev")
        }
        return found
    }

    private static func missing(_ library: String, package: String) {
        FileHandle.standardError.write(
            Data("\(library) is not installed and left out; on Debian: apt-get install \(package)\n".utf8)
        )
    }

    private init(name: String, up: @escaping () -> Conversion, down: @escaping () -> Conversion) {
        self.name = name
        self.up = up
        self.down = down
    }

    private init(_ name: String, _ stream: @escaping (_ from: Int, _ to: Int) -> SampleStream) {
        self.init(
            name: name,
            up: { MulawAround.decoding(stream(8_000, 24_000)) },
            down: { MulawAround.encoding(stream(24_000, 8_000)) }
        )
    }
}

/// Takes samples, writes those that are ready to `output` and returns how many they are.
typealias SampleStream = (
    _ input: UnsafeBufferPointer<Int16>, _ output: UnsafeMutableBufferPointer<Int16>
) -> Int

/// The mu-law steps around a library, as our conversions do them.
enum MulawAround {
    /// More than any library gives at once for a frame of 20 ms.
    private static let room = 16_384
    private static let samples = MuLaw.samples

    static func decoding(_ stream: @escaping SampleStream) -> Conversion {
        let samples = Self.samples
        var input = [Int16](repeating: 0, count: 160)
        return { frame, output in
            frame.withUnsafeReadableBytes { codes in
                samples.withUnsafeBufferPointer { samples in
                    for index in 0..<160 { input[index] = samples[Int(codes[index])] }
                }
            }
            output.writeWithUnsafeMutableBytes(minimumWritableBytes: 2 * Self.room) { bytes in
                let written = bytes.withMemoryRebound(to: Int16.self) { output in
                    input.withUnsafeBufferPointer { stream($0, output) }
                }
                return 2 * written
            }
        }
    }

    static func encoding(_ stream: @escaping SampleStream) -> Conversion {
        var scratch = [Int16](repeating: 0, count: Self.room)
        return { frame, output in
            scratch.withUnsafeMutableBufferPointer { scratch in
                let count = frame.withUnsafeReadableBytes { bytes in
                    bytes.withMemoryRebound(to: Int16.self) { stream($0, scratch) }
                }
                output.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { output in
                    MuLaw.encode(UnsafeBufferPointer(rebasing: scratch[..<count]), into: output.baseAddress!)
                    return count
                }
            }
        }
    }
}
