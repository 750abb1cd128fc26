import Foundation

/// A histogram of a stage's `/metrics`, summed over its labels.
struct MetricHistogram: Sendable {
    /// Not cumulative, by upper bound, ascending.
    private var counts: [(bound: Double, count: Double)]

    /// - Parameter exposition: Prometheus text format.
    init(_ name: String, in exposition: String) {
        var cumulative: [Double: Double] = [:]
        for line in exposition.split(separator: "\n") where line.hasPrefix(name + "_bucket{") {
            guard let label = line.firstRange(of: #"le=""#),
                let end = line[label.upperBound...].firstIndex(of: "\""),
                let count = line.split(separator: " ").last.flatMap({ Double($0) })
            else { continue }
            let bound = Double(line[label.upperBound..<end].replacing("+Inf", with: "inf")) ?? .infinity
            cumulative[bound, default: 0] += count
        }
        var before = 0.0
        self.counts = cumulative.sorted { $0.key < $1.key }.map { bound, count in
            defer { before = count }
            return (bound, count - before)
        }
    }

    /// What was recorded since `earlier`, which is of the same histogram.
    func since(_ earlier: MetricHistogram) -> MetricHistogram {
        var difference = self
        for index in difference.counts.indices where index < earlier.counts.count {
            difference.counts[index].count -= earlier.counts[index].count
        }
        return difference
    }

    /// As Prometheus' `histogram_quantile` says it: between the bounds of a bucket, what it holds is spread evenly.
    /// 1 gives the upper bound of the greatest value. 0 when nothing was recorded.
    func quantile(_ share: Double) -> Double {
        let total = self.counts.reduce(0) { $0 + $1.count }
        var below = 0.0
        var lower = 0.0
        for (bound, count) in self.counts {
            if count > 0, below + count >= total * share {
                return bound.isFinite ? lower + (bound - lower) * (total * share - below) / count : lower
            }
            below += count
            lower = bound
        }
        return 0
    }
}
