package import NIOCore

/// What a caller hears instead of dead air: two soft notes, C5 and E5, of 150 ms each.
///
/// Computed, not recorded. Each note is a sine wave that fades in and out along half a cosine, so that it begins and ends
/// without a click; no frequency is one of those that telephones signal with. Mu-law at 8 kHz, −26 dBFS on the whole,
/// which is some 6 dB below speech.
package enum ComfortTone {
    /// Hz, of equal temperament on A4 = 440 Hz.
    private static let notes = [523.251, 659.255]
    private static let sampleRate = 8_000.0
    private static let noteSamples = 1_200
    private static let fadeInSamples = 240
    private static let fadeOutSamples = 480
    /// Of a full scale of 32768, where a note is loudest.
    private static let amplitude = 2_900.0

    /// Frames of 20 ms.
    package static let frames: [ByteBuffer] = {
        let codes = Self.notes.flatMap { frequency in
            (0..<Self.noteSamples).map { MuLaw.encode(Self.sample($0, of: frequency)) }
        }
        let size = 160
        return stride(from: 0, to: codes.count, by: size).map { ByteBuffer(bytes: codes[$0..<$0 + size]) }
    }()

    package static let milliseconds = Self.frames.count * 20

    private static let frameSet = Set(Self.frames)

    /// Whether `frame` is one of its frames, by which it is told from speech.
    package static func contains(_ frame: ByteBuffer) -> Bool {
        self.frameSet.contains(frame)
    }

    private static func sample(_ index: Int, of frequency: Double) -> Int16 {
        let left = Self.noteSamples - index
        let fadeIn = Self.fade(Double(index) / Double(Self.fadeInSamples))
        let fadeOut = Self.fade(Double(left) / Double(Self.fadeOutSamples))
        let angle = 2 * Double.pi * frequency * Double(index) / Self.sampleRate
        return Int16(Self.amplitude * fadeIn * fadeOut * LowPassDesign.sine(angle))
    }

    /// From 0 at 0 to 1 at 1, and 1 from there on.
    private static func fade(_ part: Double) -> Double {
        // (1 − cos(πx)) / 2 = sin²(πx / 2)
        let sine = LowPassDesign.sine(min(part, 1) * .pi / 2)
        return sine * sine
    }
}
