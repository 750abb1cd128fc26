/// Weights of 16-bit samples as fixed-point numbers, finer than 16 bits: all sums of products stay exact integers.
///
/// A weight is `coarse / 2^coarseBits + fine / 2^fineBits`. Far from the middle of a filter weights are small, and
/// `fine` alone says them; only the few groups of eight in the middle, `coarseGroups`, have a `coarse` part too. The
/// fine products of eight samples are summed in four lanes, each is shifted right by `fineBits - coarseBits`, then the
/// coarse ones are added. Integers make the result exact: it depends neither on the order of additions nor on the
/// processor, so that two instances, or one before and after a restart, give the same bytes.
struct FixedPointWeights: Sendable {
    /// Groups of eight, as many as samples need.
    let fine: [SIMD8<Int16>]
    /// Groups of eight, for the groups `coarseGroups` only.
    let coarse: [SIMD8<Int16>]
    let coarseGroups: Range<Int>

    /// - Parameters:
    ///   - weights: rounded already, in units of 1 / 2^fineBits; filled with zeros to whole groups of eight.
    ///   - shift: by how many bits coarse weights are coarser.
    ///   - interleaved: how many filters' groups follow one another in turn; all get coarse groups where one does.
    init(_ weights: [Int], shift: Int, interleaved: Int = 1) {
        let groups = stride(from: 0, to: weights.count, by: 8).map { start in
            (start..<start + 8).map { $0 < weights.count ? weights[$0] : 0 }
        }
        let large = groups.indices.filter { group in groups[group].contains { Int16(exactly: $0) == nil } }
        let start = (large.first ?? 0) / interleaved * interleaved
        let end = (large.last.map { $0 / interleaved + 1 } ?? 0) * interleaved
        let coarseGroups = start..<end
        let coarse = groups.indices.map { group in
            groups[group].map { coarseGroups.contains(group) ? ($0 + 1 << (shift - 1)) >> shift : 0 }
        }
        self.coarseGroups = coarseGroups
        self.coarse = coarseGroups.map { SIMD8(coarse[$0].map { Int16(clamping: $0) }) }
        self.fine = zip(groups, coarse).map { all, coarse in
            SIMD8(zip(all, coarse).map { Int16(clamping: $0 - $1 << shift) })
        }
    }

    /// Rounds weights to multiples of 1 / 2^`fineBits` with the sum `sum`: what rounding left over goes to the largest
    /// weight, where it matters least.
    static func rounded(_ weights: [Double], fineBits: Int, sum: Double) -> [Int] {
        let unit = Double(1 << fineBits)
        var rounded = weights.map { Int(($0 * unit).rounded()) }
        let largest = rounded.indices.max { abs(rounded[$0]) < abs(rounded[$1]) } ?? 0
        rounded[largest] += Int((sum * unit).rounded()) - rounded.reduce(0, +)
        return rounded
    }
}

extension SIMD4<Int32> {
    /// Adds the products of eight samples and weights, by twos: one instruction (x86-64 `pmaddwd`).
    @inline(__always)
    mutating func add(_ samples: SIMD8<Int16>, times weights: SIMD8<Int16>) {
        let products = SIMD8<Int32>(truncatingIfNeeded: samples) &* SIMD8<Int32>(truncatingIfNeeded: weights)
        self &+= products.evenHalf &+ products.oddHalf
    }

    /// The sums of the lanes of four vectors.
    @inline(__always)
    init(sumsOf first: Self, _ second: Self, _ third: Self, _ fourth: Self) {
        let low = SIMD8(lowHalf: first, highHalf: second)
        let high = SIMD8(lowHalf: third, highHalf: fourth)
        let pairs = SIMD8(lowHalf: low.evenHalf &+ low.oddHalf, highHalf: high.evenHalf &+ high.oddHalf)
        self = pairs.evenHalf &+ pairs.oddHalf
    }

    /// Without its last 14 bits, rounded, and limited to 16 bits: one instruction limits (x86-64 `packssdw`).
    @inline(__always)
    var samples: SIMD4<Int16> {
        let value = ((self &+ Self(repeating: 1 << 13)) &>> Self(repeating: 14))
            .clamped(lowerBound: Self(repeating: -32_768), upperBound: Self(repeating: 32_767))
        return SIMD4<Int16>(truncatingIfNeeded: value)
    }
}

extension UnsafeRawPointer {
    @inline(__always)
    func samples(at byte: Int) -> SIMD8<Int16> {
        self.loadUnaligned(fromByteOffset: byte, as: SIMD8<Int16>.self)
    }

    @inline(__always)
    func weights(_ group: Int) -> SIMD8<Int16> {
        self.load(fromByteOffset: group &* MemoryLayout<SIMD8<Int16>>.stride, as: SIMD8<Int16>.self)
    }
}
