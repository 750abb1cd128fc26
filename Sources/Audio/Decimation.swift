/// The way down: each third sample that the low-pass filter gives.
struct Decimation: Sendable {
    static let fineBits = 17
    static let coarseBits = 14

    let weights: FixedPointWeights
    /// Samples that one result is made of, a multiple of 8; the oldest of them may have no weight.
    let length: Int

    init(impulseResponse: [Double]) {
        let rounded = FixedPointWeights.rounded(impulseResponse, fineBits: Self.fineBits, sum: 1)
        self.length = (rounded.count + 7) / 8 * 8
        // The filter is symmetric: in order of time it is the same.
        let inTime = Array(repeating: 0, count: self.length - rounded.count) + rounded
        self.weights = FixedPointWeights(inTime, shift: Self.fineBits - Self.coarseBits)
        precondition(self.weights.coarse.count == 1, "the largest weights are in one group")
    }

    /// Filters `window`, whose first `length` samples give the first of `count` results, those from the third after the
    /// second, and so on.
    ///
    /// Eight results at a time share each load of weights. They lie an eighth of all apart, because loads that overlap
    /// are taken for one load and many shuffles by the compiler.
    ///
    /// - Parameter results: in turn one of each eighth, whose length is rounded up: there must be room for so many.
    func filter(_ window: UnsafeRawPointer, count: Int, into results: UnsafeMutablePointer<Int16>) {
        let part = (count &+ 7) / 8
        let step = 3 * MemoryLayout<Int16>.stride
        self.weights.fine.withUnsafeBytes { fine in
            self.weights.coarse.withUnsafeBytes { coarse in
                let (fine, coarse) = (fine.baseAddress!, coarse.baseAddress!)
                let groups = self.weights.fine.count
                let middle = self.weights.coarseGroups.lowerBound &* 16
                for index in 0..<part {
                    var sums = Eight()
                    let start = window + index &* step
                    var group = 0
                    while group != groups {
                        sums.add(start + 16 &* group, apart: part &* step, times: fine.weights(group))
                        group &+= 1
                    }
                    sums.shift(by: Int32(Self.fineBits - Self.coarseBits))
                    sums.add(start + middle, apart: part &* step, times: coarse.weights(0))
                    let (low, high) = sums.results
                    let place = UnsafeMutableRawPointer(results + 8 &* index)
                    place.storeBytes(of: low, as: SIMD4<Int16>.self)
                    place.storeBytes(of: high, toByteOffset: 8, as: SIMD4<Int16>.self)
                }
            }
        }
    }
}

/// The sums of eight results, in registers.
private struct Eight {
    private var a = SIMD4<Int32>(), b = SIMD4<Int32>(), c = SIMD4<Int32>(), d = SIMD4<Int32>()
    private var e = SIMD4<Int32>(), f = SIMD4<Int32>(), g = SIMD4<Int32>(), h = SIMD4<Int32>()

    @inline(__always)
    init() {}

    @inline(__always)
    mutating func add(_ samples: UnsafeRawPointer, apart: Int, times weights: SIMD8<Int16>) {
        self.a.add(samples.samples(at: 0), times: weights)
        self.b.add(samples.samples(at: apart), times: weights)
        self.c.add(samples.samples(at: 2 &* apart), times: weights)
        self.d.add(samples.samples(at: 3 &* apart), times: weights)
        self.e.add(samples.samples(at: 4 &* apart), times: weights)
        self.f.add(samples.samples(at: 5 &* apart), times: weights)
        self.g.add(samples.samples(at: 6 &* apart), times: weights)
        self.h.add(samples.samples(at: 7 &* apart), times: weights)
    }

    @inline(__always)
    mutating func shift(by bits: Int32) {
        let bits = SIMD4(repeating: bits)
        self.a &>>= bits
        self.b &>>= bits
        self.c &>>= bits
        self.d &>>= bits
        self.e &>>= bits
        self.f &>>= bits
        self.g &>>= bits
        self.h &>>= bits
    }

    @inline(__always)
    var results: (SIMD4<Int16>, SIMD4<Int16>) {
        (
            SIMD4(sumsOf: self.a, self.b, self.c, self.d).samples,
            SIMD4(sumsOf: self.e, self.f, self.g, self.h).samples
        )
    }
}
