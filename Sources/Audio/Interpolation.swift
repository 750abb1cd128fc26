/// The way up: two samples between any two, by the low-pass filter.
///
/// Two of three samples to be filtered would be zero, so each result takes a third of the weights. The three results
/// around a sample `x[n]` are made together. With `g(j)` = three times the filter's weight at `3j + 1` from its middle:
///
///     y[3n]     = a(0) · 2 x[n] + Σ a(j) · (x[n-j] + x[n+j])      a(j) = three times the weight at 3j
///     y[3n ± 1] = Σ b(j) · (x[n-j] + x[n+j]) ± Σ c(j) · (x[n-j] - x[n+j])    b, c = (g(j) ± g(-j)) / 2
///
/// where j counts from 0, for which the weights are halved. This takes half the products of the plain sums.
/// There is room for the sums of two samples, because those of mu-law are multiples of four.
struct Interpolation: Sendable {
    static let fineBits = 21
    static let coarseBits = 16

    /// Of each group of eight those of a, of b and of c.
    let weights: FixedPointWeights
    /// Samples before and after x[n] that count, and x[n] itself; a multiple of 8.
    let length: Int

    /// - Parameter impulseResponse: of length `6 * length - 3`, around its middle.
    init(impulseResponse: [Double]) {
        let middle = impulseResponse.count / 2
        let length = (middle - 1) / 3 + 1
        precondition(length % 8 == 0 && impulseResponse.count == 6 * length - 3, "the length is in whole groups")
        func weight(_ place: Int) -> Double { 3 * impulseResponse[middle + place] }
        func half(_ index: Int) -> Double { index == 0 ? 0.5 : 1 }
        let a = (0..<length).map { half($0) * weight(3 * $0) }
        let b = (0..<length).map { half($0) * (weight(3 * $0 + 1) + weight(-3 * $0 + 1)) / 2 }
        let c = (0..<length).map { half($0) * (weight(3 * $0 + 1) - weight(-3 * $0 + 1)) / 2 }
        // Each third has a gain of exactly 1 at 0 Hz, so that silence and constant levels leave no image.
        let integers = [
            FixedPointWeights.rounded(a, fineBits: Self.fineBits, sum: 0.5),
            FixedPointWeights.rounded(b, fineBits: Self.fineBits, sum: 0.5),
            c.map { Int(($0 * Double(1 << Self.fineBits)).rounded()) },
        ]
        let inGroups = stride(from: 0, to: length, by: 8).flatMap { start in
            integers.flatMap { $0[start..<start + 8] }
        }
        self.length = length
        self.weights = FixedPointWeights(inGroups, shift: Self.fineBits - Self.coarseBits, interleaved: 3)
    }

    /// - Parameters:
    ///   - following: `x[n]` of the first result and the `length - 1` samples after it, divided by four; those of the next
    ///     result begin one later.
    ///   - preceding: `x[n]` and the samples before it, the latest first; the next result's begin one earlier.
    ///   - count: how many times three results there are.
    ///   - results: three for each of `count`, in the byte order of this machine, and room for one more.
    func filter(
        following: UnsafeRawPointer,
        preceding: UnsafeRawPointer,
        count: Int,
        into results: UnsafeMutableRawPointer
    ) {
        let bits = SIMD4<Int32>(repeating: Int32(Self.fineBits - Self.coarseBits))
        self.weights.fine.withUnsafeBytes { fine in
            self.weights.coarse.withUnsafeBytes { coarse in
                let (fine, coarse) = (fine.baseAddress!, coarse.baseAddress!)
                let groups = self.weights.fine.count / 3
                let middleGroups = self.weights.coarse.count / 3
                for index in 0..<count {
                    let after = following + 2 &* index
                    let before = preceding + -2 &* index
                    var (a, b, c) = (SIMD4<Int32>(), SIMD4<Int32>(), SIMD4<Int32>())
                    var group = 0
                    while group != groups {
                        let (x, z) = (before.samples(at: 16 &* group), after.samples(at: 16 &* group))
                        a.add(x &+ z, times: fine.weights(3 &* group))
                        b.add(x &+ z, times: fine.weights(3 &* group &+ 1))
                        c.add(x &- z, times: fine.weights(3 &* group &+ 2))
                        group &+= 1
                    }
                    a &>>= bits
                    b &>>= bits
                    c &>>= bits
                    group = 0
                    while group != middleGroups {
                        let (x, z) = (before.samples(at: 16 &* group), after.samples(at: 16 &* group))
                        a.add(x &+ z, times: coarse.weights(3 &* group))
                        b.add(x &+ z, times: coarse.weights(3 &* group &+ 1))
                        c.add(x &- z, times: coarse.weights(3 &* group &+ 2))
                        group &+= 1
                    }
                    let limited = SIMD4(sumsOf: b &- c, a, b &+ c, a).samples
                    let place = results + 6 &* index
                    // The fourth is overwritten by the next.
                    place.storeBytes(of: limited, as: SIMD4<Int16>.self)
                }
            }
        }
    }
}
