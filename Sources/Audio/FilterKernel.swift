/// The weights of a run of 16-bit samples, as fixed-point numbers with 15 fractional bits, in order of time.
///
/// Integers make the result exact: it depends neither on the order of additions nor on the processor, so that two
/// instances, or one before and after a restart, give the same bytes.
struct FilterKernel: Sendable {
    private static let lanes = SIMD8<Int16>.scalarCount

    private let weights: [SIMD8<Int16>]
    /// Samples that one result is made of; a multiple of 8.
    let length: Int

    /// The filter `impulseResponse`, whose first weight belongs to the newest sample. Its gain at 0 Hz becomes exactly 1.
    init(impulseResponse: [Double]) {
        let sum = impulseResponse.reduce(0, +)
        var rounded = impulseResponse.map { Int(($0 / sum * 32768).rounded()) }
        // What rounding left over goes to the largest weight, where it matters least.
        let largest = rounded.indices.max { abs(rounded[$0]) < abs(rounded[$1]) } ?? 0
        rounded[largest] += 32768 - rounded.reduce(0, +)

        let length = (rounded.count + Self.lanes - 1) / Self.lanes * Self.lanes
        let inTime = Array(repeating: 0, count: length - rounded.count) + rounded.reversed()
        self.length = length
        self.weights = stride(from: 0, to: length, by: Self.lanes).map { start in
            SIMD8(inTime[start..<start + Self.lanes].map { Int16(clamping: $0) })
        }
    }

    func withWeights<Result>(_ body: (UnsafeBufferPointer<SIMD8<Int16>>) -> Result) -> Result {
        self.weights.withUnsafeBufferPointer(body)
    }

    /// The weighted sum of the samples at `samples`, rounded, and limited to 16 bits.
    @inline(__always)
    static func apply(_ weights: UnsafeBufferPointer<SIMD8<Int16>>, to samples: UnsafeRawPointer) -> Int16 {
        var sums = SIMD4<Int32>()
        for index in 0..<weights.count {
            let window = samples.loadUnaligned(
                fromByteOffset: index * MemoryLayout<SIMD8<Int16>>.stride,
                as: SIMD8<Int16>.self
            )
            // Becomes one multiply-add instruction (x86-64 `pmaddwd`).
            let products =
                SIMD8<Int32>(truncatingIfNeeded: window) &* SIMD8<Int32>(truncatingIfNeeded: weights[index])
            sums &+= products.evenHalf &+ products.oddHalf
        }
        // One bit less, because the sum of all four can be a little over 31 bits before it is limited.
        let sum = (sums &>> 1).wrappedSum()
        return Int16(clamping: (sum &+ 1 << 13) &>> 14)
    }
}
