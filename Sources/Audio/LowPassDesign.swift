/// Designs the low-pass filter between 8 kHz and 24 kHz: the one whose response has the least weighted square error.
///
/// The filter is symmetric: every frequency is delayed by half its length, and its response is a sum of cosines.
/// The integral of the weighted square of what it differs from the ideal one by, over the bands, is least where its
/// derivatives are zero: a system of linear equations (Parks and Burrus, Digital Filter Design, 1987, 3.2), which is
/// solved directly. What lies between the bands is left to the filter.
/// Only arithmetic that IEEE 754 defines to the last bit is used, so that every machine designs the same filter.
struct LowPassDesign {
    struct Band {
        /// In Hz.
        var range: ClosedRange<Double>
        var gain: Double
        /// What the square of an error counts.
        var weight: Double
    }

    var sampleRate = 24_000.0
    /// Weights on either side of the middle one.
    var reach = 166
    /// Up to 3400 Hz, where speech on the phone ends, and for that band's images and aliases, above 4600 Hz, the error
    /// counts the most: there it becomes smaller than the rounding to 16 bits. The pass-band goes on to 3670 Hz for the
    /// sake of clear sibilants, and from 4 kHz on, half the phone's sample rate, the gain is below −60 dB; for that the
    /// band begins 2 Hz earlier.
    var bands = [
        Band(range: 0...3_400, gain: 1, weight: 300),
        Band(range: 3_400...3_670, gain: 1, weight: 1),
        Band(range: 3_998...4_600, gain: 0, weight: 1),
        Band(range: 4_600...12_000, gain: 0, weight: 300),
    ]

    /// The impulse response, with a sum of 1; `2 * reach + 1` values.
    func impulseResponse() -> [Double] {
        let count = self.reach + 1
        // The integrals of cos(kω) over all bands, and of what the response shall be times cos(kω).
        let integrals = (0..<2 * count).map { self.integral(of: $0) { $0.weight } }
        let rightHandSide = (0..<count).map { self.integral(of: $0) { $0.weight * $0.gain } }
        // cos(kω) cos(lω) = (cos((k - l)ω) + cos((k + l)ω)) / 2
        let matrix = (0..<count).map { row in
            (0...row).map { column in (integrals[row - column] + integrals[row + column]) / 2 }
        }
        let cosines = Self.solve(matrix, rightHandSide)
        let half = cosines.dropFirst().map { $0 / 2 }
        let response = half.reversed() + [cosines[0]] + half
        let sum = response.reduce(0, +)
        return response.map { $0 / sum }
    }

    private func integral(of multiple: Int, times weight: (Band) -> Double) -> Double {
        self.bands.reduce(0) { sum, band in
            let low = 2 * Double.pi * band.range.lowerBound / self.sampleRate
            let high = 2 * Double.pi * band.range.upperBound / self.sampleRate
            guard multiple > 0 else { return sum + weight(band) * (high - low) }
            let k = Double(multiple)
            return sum + weight(band) * (Self.sine(k * high) - Self.sine(k * low)) / k
        }
    }

    /// Solves a system of linear equations by Cholesky's decomposition.
    ///
    /// - Parameter matrix: the rows, up to the diagonal, of a symmetric positive definite matrix.
    private static func solve(_ matrix: [[Double]], _ rightHandSide: [Double]) -> [Double] {
        var factor = matrix
        var solution = rightHandSide
        for row in matrix.indices {
            for column in 0...row {
                var rest = matrix[row][column]
                for index in 0..<column { rest -= factor[row][index] * factor[column][index] }
                factor[row][column] = column == row ? rest.squareRoot() : rest / factor[column][column]
            }
            for column in 0..<row { solution[row] -= factor[row][column] * solution[column] }
            solution[row] /= factor[row][row]
        }
        for row in matrix.indices.reversed() {
            solution[row] /= factor[row][row]
            for column in 0..<row { solution[column] -= factor[row][column] * solution[row] }
        }
        return solution
    }

    /// The sine by its power series.
    static func sine(_ angle: Double) -> Double {
        let x = angle.remainder(dividingBy: 2 * .pi)
        var sum = x
        var term = x
        var k = 1.0
        while abs(term) > 1e-18 {
            term *= -x * x / ((k + 1) * (k + 2))
            sum += term
            k += 2
        }
        return sum
    }
}
