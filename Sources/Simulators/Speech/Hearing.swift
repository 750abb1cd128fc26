/// What the recogniser made of a piece of sound.
package struct Hearing: Sendable, Equatable {
    /// An utterance that was heard whole and undamaged.
    package struct Match: Sendable, Equatable {
        package var name: String
        package var text: String
        /// Where it begins in the sound, in samples of 8 kHz.
        package var start: Int
        package var length: Int
    }

    /// What came closest and was refused.
    package struct Damaged: Sendable, Equatable {
        package var name: String
        /// Over the whole length, 0 to 1.
        package var correlation: Float
        /// Error against signal in the worst 20 ms; `SpeechRecognizer.tolerance` would have been accepted.
        package var worstError: Float
        /// Where in the utterance those 20 ms are, in milliseconds.
        package var worstAtMs: Int
    }

    /// In the order in which they were spoken.
    package var matches: [Match]
    /// There was sound that belongs to no match.
    package var hasUnknownSound: Bool
    package var damaged: Damaged?

    /// The names of all that was said; nil when any of it was not understood, or nothing was said.
    package var utterances: [String]? {
        self.hasUnknownSound || self.matches.isEmpty ? nil : self.matches.map(\.name)
    }

    /// The transcript; empty when `utterances` is nil.
    package var text: String {
        self.hasUnknownSound ? "" : self.matches.map(\.text).filter { !$0.isEmpty }.joined(separator: " ")
    }
}
