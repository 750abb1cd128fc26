import Audio
import Foundation
import NIOCore

/// A stereo WAV as the simulator and `call-recorder` write it, read back.
struct StereoRecording {
    /// Linear samples, 8 kHz.
    private(set) var left: [Int16] = []
    private(set) var right: [Int16] = []

    private static let headerBytes = 44

    init(path: String) throws {
        let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)).dropFirst(Self.headerBytes))
        for index in stride(from: 0, to: bytes.count - 3, by: 4) {
            self.left.append(Int16(bitPattern: UInt16(bytes[index]) | UInt16(bytes[index + 1]) << 8))
            self.right.append(Int16(bitPattern: UInt16(bytes[index + 2]) | UInt16(bytes[index + 3]) << 8))
        }
    }

    /// Where comfort tones begin on the right track, in milliseconds.
    var tones: [Int] {
        let first = ComfortTone.frames[0].readableBytesView.map { MuLaw.samples[Int($0)] }
        return stride(from: 0, through: self.right.count - first.count, by: 8).filter { start in
            self.right[start..<start + first.count].elementsEqual(first)
        }
        .map { $0 / 8 }
    }

    /// A track's piece of sound: from and to in milliseconds.
    static func sounds(in track: [Int16], pauseMs: Int = 450) -> [Range<Int>] {
        var sounds: [Range<Int>] = []
        for start in stride(from: 0, to: track.count, by: 80) {
            guard track[start..<min(start + 80, track.count)].contains(where: { $0.magnitude > 150 }) else { continue }
            let ms = start / 8
            if let last = sounds.last, ms - last.upperBound < pauseMs {
                sounds[sounds.count - 1] = last.lowerBound..<ms + 10
            } else {
                sounds.append(ms..<ms + 10)
            }
        }
        return sounds
    }

    /// How far `other` must be moved to lie on `track` from `start` on, in samples, and how alike they are then: 0 to 1.
    static func shift(
        of other: [Int16],
        on track: [Int16],
        from start: Int,
        count: Int,
        shifts: StrideThrough<Int>
    ) -> (samples: Int, likeness: Double) {
        var best = (samples: 0, likeness: -1.0)
        for shift in shifts {
            var (product, left, right) = (0.0, 0.0, 0.0)
            for index in start..<min(start + count, track.count) where other.indices.contains(index - shift) {
                let (a, b) = (Double(track[index]), Double(other[index - shift]))
                product += a * b
                left += a * a
                right += b * b
            }
            let likeness = left > 0 && right > 0 ? product / (left * right).squareRoot() : 0
            if likeness > best.likeness { best = (shift, likeness) }
        }
        return best
    }
}
