/// One utterance in the forms in which the recogniser compares it.
struct SpeechReference: Sendable {
    /// Parts of a sample by which a resampler may have shifted the sound.
    static let phases = 6
    /// The coarse form has one sample where the recording has four.
    static let coarseStep = 4

    /// What a telephone line and resampling leave alone.
    static let band = (0..<Self.phases).map { phase in
        BandPass(from: 250, to: 3000, advance: Double(phase) / Double(Self.phases))
    }
    /// For the search: most of a voice's energy, at a quarter of the rate.
    static let coarseBand = BandPass(from: 150, to: 850)

    let utterance: Utterance
    let length: Int
    /// The band, taken `index / phases` of a sample later.
    let shifted: [[Float]]
    let coarse: [Float]
    let coarseEnergy: Float

    init(_ utterance: Utterance, samples: [Float]) {
        self.utterance = utterance
        self.length = samples.count
        self.shifted = Self.band.map { $0.filtered(samples, in: 0..<samples.count) }
        self.coarse = Self.coarseBand.filtered(samples, in: 0..<samples.count, step: Self.coarseStep)
        self.coarseEnergy = self.coarse.reduce(0) { $0 + $1 * $1 }
    }
}
