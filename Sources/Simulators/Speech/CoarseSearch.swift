import Synchronization

/// Finds where in a sound each utterance could be, by correlation at a quarter of the sample rate.
final class CoarseSearch: Sendable {
    struct Candidate: Sendable {
        var reference: Int
        /// In samples of 8 kHz, to about four of them.
        var start: Int
        var correlation: Float
    }

    private struct Spectrum: Sendable {
        var real: [Float]
        var imaginary: [Float]
    }

    /// The spectra of the utterances for one length of transform; nil for those that are longer.
    private struct Spectra: Sendable {
        let transform: FourierTransform
        var spectra: [Spectrum?]
    }

    /// Below this an utterance is not even a damaged one.
    private static let threshold: Float = 0.4

    private let references: [SpeechReference]
    /// By size; a handful, as sizes are powers of two.
    private let spectra = Mutex<[Int: Spectra]>([:])

    init(_ references: [SpeechReference]) {
        self.references = references
    }

    /// At most one place for each utterance, the likeliest first.
    func candidates(in sound: [Float]) -> [Candidate] {
        let coarse = SpeechReference.coarseBand.filtered(sound, in: 0..<sound.count, step: SpeechReference.coarseStep)
        // What is longer than the sound is not in it. The others lie wholly inside at each lag that is looked at, so that
        // a transform as long as the sound is enough.
        let fitting = self.references.indices.filter { self.references[$0].coarse.count <= coarse.count }
        guard !fitting.isEmpty else { return [] }
        let spectra = self.spectra(count: coarse.count)
        let size = spectra.transform.size
        var real = coarse + Array(repeating: 0, count: size - coarse.count)
        var imaginary = [Float](repeating: 0, count: size)
        spectra.transform.transform(&real, &imaginary)

        var energies: [Float] = [0]
        energies.reserveCapacity(coarse.count + 1)
        for value in coarse { energies.append(energies[energies.count - 1] + value * value) }

        let found = fitting.compactMap { index in
            spectra.spectra[index].flatMap { spectrum in
                self.place(
                    of: index,
                    correlations: Self.correlate(real, imaginary, with: spectrum, spectra.transform),
                    energies: energies
                )
            }
        }
        return found.sorted { $0.correlation > $1.correlation }
    }

    private func place(of index: Int, correlations: [Float], energies: [Float]) -> Candidate? {
        let reference = self.references[index]
        let count = energies.count - 1
        let last = count - reference.coarse.count
        guard last >= 0, reference.coarseEnergy > 0 else { return nil }
        var best: (correlation: Float, lag: Int) = (0, 0)
        let least = energies[count] * 1e-6
        for lag in 0...last {
            let energy = energies[lag + reference.coarse.count] - energies[lag]
            guard energy > least else { continue }
            let value = correlations[lag] / (energy * reference.coarseEnergy).squareRoot()
            if value > best.correlation { best = (value, lag) }
        }
        guard best.correlation >= Self.threshold else { return nil }
        return Candidate(
            reference: index,
            start: best.lag * SpeechReference.coarseStep,
            correlation: best.correlation
        )
    }

    /// The correlation at each lag: the inverse transform of X · conj(R).
    private static func correlate(
        _ real: [Float],
        _ imaginary: [Float],
        with spectrum: Spectrum,
        _ transform: FourierTransform
    ) -> [Float] {
        let size = transform.size
        let (a, b) = (spectrum.real, spectrum.imaginary)
        var productReal = [Float](repeating: 0, count: size)
        var productImaginary = [Float](repeating: 0, count: size)
        for bin in 0..<size {
            productReal[bin] = (real[bin] * a[bin] + imaginary[bin] * b[bin]) / Float(size)
            productImaginary[bin] = (imaginary[bin] * a[bin] - real[bin] * b[bin]) / Float(size)
        }
        transform.transform(&productImaginary, &productReal)
        return productReal
    }

    private func spectra(count: Int) -> Spectra {
        var size = 2
        while size < count { size *= 2 }
        return self.spectra.withLock { known in
            if let spectra = known[size] { return spectra }
            let transform = FourierTransform(size: size)
            let spectra = Spectra(
                transform: transform,
                spectra: self.references.map { reference in
                    guard reference.coarse.count <= size else { return nil }
                    var real = reference.coarse + Array(repeating: 0, count: size - reference.coarse.count)
                    var imaginary = [Float](repeating: 0, count: size)
                    transform.transform(&real, &imaginary)
                    return Spectrum(real: real, imaginary: imaginary)
                }
            )
            known[size] = spectra
            return spectra
        }
    }
}
