import Audio

/// Recognises the recordings in telephone audio, and only when they arrived unharmed.
///
/// It stands in for a model's ears: mu-law, resampling and another level are understood; a lost, repeated, exchanged or
/// silenced frame, distortion or a wrong rate are not. A coarse correlation (2 kHz, below 850 Hz) over all lags finds where
/// an utterance may be. There the band that a telephone carries is compared in overlapping windows of 20 ms: the worst
/// one decides.
package struct SpeechRecognizer: Sendable {
    /// The error energy, relative to the signal's, that a window of 20 ms may have. Clean paths stay below 0.01; the
    /// gentlest damage in the middle of a word (two exchanged frames of a vowel) makes 0.2.
    package static let tolerance: Float = 0.03
    /// What is quieter (RMS of 20 ms, full scale = 1) is no sound.
    package static let silence: Float = 0.005
    /// One minute; a longer turn is not understood.
    package static let maximalLength = 60 * 8000

    /// Windows are compared with at least this part of the utterance's mean energy, so that pauses may be noisy.
    private static let floor: Float = 0.01
    private static let window = 160

    /// For all recordings.
    package static let standard = SpeechRecognizer(Speech.all)

    private let references: [SpeechReference]
    private let search: CoarseSearch

    package init(_ utterances: [Utterance]) {
        let references = utterances.map { utterance in
            SpeechReference(utterance, samples: utterance.mulaw.map { Float(MuLaw.decode($0)) / 32768 })
        }
        self.references = references
        self.search = CoarseSearch(references)
    }

    /// - Parameter samples: mono, 8 kHz.
    package func hear(_ samples: [Int16]) -> Hearing {
        var hearing = Hearing(matches: [], hasUnknownSound: false, damaged: nil)
        guard samples.count <= Self.maximalLength else {
            hearing.hasUnknownSound = true
            return hearing
        }
        var sound = samples.map { Float($0) / 32768 }
        while self.hasSound(sound) {
            guard let (match, range) = self.bestMatch(in: sound, damaged: &hearing.damaged) else {
                hearing.hasUnknownSound = true
                break
            }
            hearing.matches.append(match)
            for index in range { sound[index] = 0 }
        }
        hearing.matches.sort { $0.start < $1.start }
        if !hearing.hasUnknownSound { hearing.damaged = nil }
        return hearing
    }

    private func hasSound(_ sound: [Float]) -> Bool {
        let limit = Self.silence * Self.silence * Float(Self.window)
        return stride(from: 0, to: sound.count, by: Self.window).contains { start in
            sound[start..<min(start + Self.window, sound.count)].reduce(0) { $0 + $1 * $1 } > limit
        }
    }

    private func bestMatch(in sound: [Float], damaged: inout Hearing.Damaged?) -> (Hearing.Match, Range<Int>)? {
        for candidate in self.search.candidates(in: sound) {
            let reference = self.references[candidate.reference]
            guard let fit = Fit(of: reference, in: sound, near: candidate.start) else { continue }
            let (worst, place) = fit.worstWindow(of: Self.window, floor: Self.floor)
            if worst <= Self.tolerance {
                let match = Hearing.Match(
                    name: reference.utterance.name,
                    text: reference.utterance.text,
                    start: fit.start,
                    length: reference.length
                )
                // A resampler smears the ends a little.
                let range =
                    max(0, fit.start - Self.window)..<min(sound.count, fit.start + reference.length + Self.window)
                return (match, range)
            }
            if fit.correlation > damaged?.correlation ?? 0 {
                damaged = Hearing.Damaged(
                    name: reference.utterance.name,
                    correlation: fit.correlation,
                    worstError: worst,
                    worstAtMs: place / 8
                )
            }
        }
        return nil
    }
}
