/// An utterance laid over a piece of sound where it fits best, to a part of a sample.
struct Fit: Sendable {
    /// Where the utterance begins in the sound.
    let start: Int
    let correlation: Float
    private let sound: [Float]
    private let reference: [Float]

    /// - Parameter near: the place, to about a coarse sample.
    init?(of reference: SpeechReference, in sound: [Float], near: Int) {
        let reach = SpeechReference.coarseStep + 2
        // A turn may have been cut in the silence at the edge of the utterance; outside the sound is silence.
        let origin = near - reach
        let heard = SpeechReference.band[0].filtered(sound, in: origin..<near + reference.length + reach)

        func correlation(_ phase: Int, _ offset: Int) -> Float {
            heard.withUnsafeBufferPointer { heard in
                reference.shifted[phase].withUnsafeBufferPointer { expected in
                    let part = UnsafeBufferPointer(rebasing: heard[offset..<offset + reference.length])
                    let energy = BandPass.product(part, part) * BandPass.product(expected, expected)
                    return energy > 0 ? BandPass.product(part, expected) / energy.squareRoot() : 0
                }
            }
        }
        let offsets = 0...2 * reach
        guard let rough = offsets.max(by: { correlation(0, $0) < correlation(0, $1) }) else { return nil }
        var best: (correlation: Float, phase: Int, offset: Int) = (0, 0, rough)
        for offset in max(0, rough - 1)...min(2 * reach, rough + 1) {
            for phase in 0..<SpeechReference.phases {
                let value = correlation(phase, offset)
                if value > best.correlation { best = (value, phase, offset) }
            }
        }
        guard best.correlation > 0 else { return nil }
        self.start = origin + best.offset
        self.correlation = best.correlation
        self.sound = Array(heard[best.offset..<best.offset + reference.length])
        self.reference = reference.shifted[best.phase]
    }

    /// The greatest error energy relative to the signal's, after fitting the level of the whole, and where it is.
    func worstWindow(of size: Int, floor: Float) -> (error: Float, at: Int) {
        let energy = self.reference.reduce(0) { $0 + $1 * $1 }
        let gain = zip(self.sound, self.reference).reduce(0) { $0 + $1.0 * $1.1 } / energy
        let signal = self.reference.map { $0 * gain }
        let least = floor * energy * gain * gain / Float(self.reference.count) * Float(size)
        var worst: (error: Float, at: Int) = (0, 0)
        for start in stride(from: 0, through: signal.count - size, by: size / 2) {
            var (expected, error): (Float, Float) = (least, 0)
            for index in start..<start + size {
                let difference = self.sound[index] - signal[index]
                expected += signal[index] * signal[index]
                error += difference * difference
            }
            if error / expected > worst.error { worst = (error / expected, start) }
        }
        return worst
    }
}
