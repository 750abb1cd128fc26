import CAllocations

#if canImport(Darwin)
    import Darwin
#elseif canImport(Musl)
    import Musl
#else
    import Glibc
#endif

/// Times a piece of work by the processor time of this thread, so that a busy machine disturbs little.
struct Rounds {
    /// Nanoseconds of each operation, one value a round, ascending.
    private let nanoseconds: [Double]
    /// Blocks allocated for each operation; nil where nobody counts.
    let allocations: Double?

    /// - Parameters:
    ///   - operations: how often `work` does what is measured; the clock is read around all of them.
    ///   - work: called `rounds` times, after a tenth as many to warm up and one to count allocations.
    init(_ rounds: Int, operations: Int, _ work: () -> Void) {
        for _ in 0..<max(1, rounds / 10) { work() }
        let allocated = allocations_of_this_thread()
        work()
        self.allocations =
            allocated < 0 ? nil : Double(allocations_of_this_thread() - allocated) / Double(operations)
        self.nanoseconds = (0..<rounds).map { _ in
            let start = Self.threadTime()
            work()
            return Double(Self.threadTime() - start) / Double(operations)
        }.sorted()
    }

    func percentile(_ percent: Int) -> Double {
        self.nanoseconds[min(self.nanoseconds.count - 1, self.nanoseconds.count * percent / 100)]
    }

    /// One JSON line.
    func report(_ name: String, _ more: KeyValuePairs<String, Double> = [:]) {
        var line = "{\"case\":\"\(name)\",\"ns_p50\":\(Self.text(self.percentile(50)))"
        line += ",\"ns_p99\":\(Self.text(self.percentile(99)))"
        if let allocations = self.allocations { line += ",\"allocations\":\(Self.text(allocations))" }
        for (key, value) in more { line += ",\"\(key)\":\(Self.text(value))" }
        print(line + "}")
    }

    private static func text(_ value: Double) -> String {
        // One decimal is more than the clock gives.
        String((value * 10).rounded() / 10)
    }

    private static func threadTime() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return UInt64(time.tv_sec) * 1_000_000_000 + UInt64(time.tv_nsec)
    }
}
