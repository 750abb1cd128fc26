import CoreMetrics
import Synchronization

/// Keeps a process's metrics for Prometheus: counters, gauges, and histograms in seconds.
///
/// Making a metric again with the same name and labels gives the same one; so nothing is ever taken away.
final class MetricsRegistry: MetricsFactory {
    /// Upper bounds of a histogram's buckets; timers record seconds.
    static let buckets: [Double] = [
        0.0001, 0.00025, 0.0005, 0.001, 0.0015, 0.0025, 0.004, 0.005, 0.006, 0.01, 0.015, 0.025, 0.05,
        0.1, 0.25, 0.5, 1, 2.5, 5, 10,
    ]

    enum Kind: String, Sendable {
        case counter
        case gauge
        case histogram
    }

    private struct Family {
        var kind: Kind
        /// By label text, such as `{stage="x"}`, or empty.
        var series: [String: any MetricSeries] = [:]
    }

    private let families = Mutex<[String: Family]>([:])

    func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        self.series(.counter, label, dimensions) { CounterSeries() }
    }

    func makeFloatingPointCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        self.series(.counter, label, dimensions) { ValueSeries() }
    }

    func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        self.series(.gauge, label, dimensions) { ValueSeries() }
    }

    func makeRecorder(label: String, dimensions: [(String, String)], aggregate: Bool) -> any RecorderHandler {
        if aggregate { return self.series(.histogram, label, dimensions) { HistogramSeries() } }
        return self.series(.gauge, label, dimensions) { ValueSeries() }
    }

    func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        self.series(.histogram, label, dimensions) { HistogramSeries() }
    }

    func destroyCounter(_ handler: any CounterHandler) {}
    func destroyMeter(_ handler: any MeterHandler) {}
    func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    func destroyRecorder(_ handler: any RecorderHandler) {}
    func destroyTimer(_ handler: any TimerHandler) {}

    /// Prometheus text format 0.0.4, sorted by name and labels.
    func exposition() -> String {
        let families = self.families.withLock { $0 }
        var text = ""
        for (name, family) in families.sorted(by: { $0.key < $1.key }) {
            text += "# TYPE \(name) \(family.kind.rawValue)\n"
            for (labels, series) in family.series.sorted(by: { $0.key < $1.key }) {
                series.write(name: name, labels: labels, to: &text)
            }
        }
        return text
    }

    /// The series of these labels. One that was made as something else before is handed out but not shown, because a
    /// name has one type in Prometheus.
    private func series<Series: MetricSeries>(
        _ kind: Kind,
        _ label: String,
        _ dimensions: [(String, String)],
        make: () -> Series
    ) -> Series {
        let name = Self.sanitized(label)
        let labels = Self.labelText(dimensions)
        return self.families.withLock { families in
            var family = families[name] ?? Family(kind: kind)
            if let existing = family.series[labels] as? Series, family.kind == kind { return existing }
            let made = make()
            if family.kind == kind, family.series[labels] == nil {
                family.series[labels] = made
                families[name] = family
            }
            return made
        }
    }

    private static func sanitized(_ name: String) -> String {
        var out = ""
        for scalar in name.unicodeScalars {
            let isLetter = "a"..."z" ~= scalar || "A"..."Z" ~= scalar || scalar == "_"
            let isDigit = "0"..."9" ~= scalar
            if isDigit, out.isEmpty { out += "_" }
            out.unicodeScalars.append(isLetter || isDigit ? scalar : "_")
        }
        return out
    }

    private static func labelText(_ dimensions: [(String, String)]) -> String {
        guard !dimensions.isEmpty else { return "" }
        let pairs = dimensions.map { name, value in
            let escaped = value.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"").replacing("\n", with: "\\n")
            return "\(Self.sanitized(name))=\"\(escaped)\""
        }
        return "{\(pairs.sorted().joined(separator: ","))}"
    }
}

/// One line, or for a histogram several, of the exposition.
private protocol MetricSeries: AnyObject, Sendable {
    func write(name: String, labels: String, to text: inout String)
}

private final class CounterSeries: MetricSeries, CounterHandler {
    private let value = Atomic<Int64>(0)

    func increment(by amount: Int64) { self.value.wrappingAdd(amount, ordering: .relaxed) }

    func reset() { self.value.store(0, ordering: .relaxed) }

    func write(name: String, labels: String, to text: inout String) {
        text += "\(name)\(labels) \(self.value.load(ordering: .relaxed))\n"
    }
}

private final class ValueSeries: MetricSeries, FloatingPointCounterHandler, MeterHandler, RecorderHandler {
    private let value = Mutex(0.0)

    func increment(by amount: Double) { self.value.withLock { $0 += amount } }
    func decrement(by amount: Double) { self.value.withLock { $0 -= amount } }
    func set(_ value: Int64) { self.set(Double(value)) }
    func set(_ value: Double) { self.value.withLock { $0 = value } }
    func record(_ value: Int64) { self.set(Double(value)) }
    func record(_ value: Double) { self.set(value) }
    func reset() { self.set(0.0) }

    func write(name: String, labels: String, to text: inout String) {
        text += "\(name)\(labels) \(prometheusNumber(self.value.withLock { $0 }))\n"
    }
}

private final class HistogramSeries: MetricSeries, RecorderHandler, TimerHandler {
    private struct State {
        /// Not cumulative; the last one is for what is above all bounds.
        var counts = [UInt64](repeating: 0, count: MetricsRegistry.buckets.count + 1)
        var sum = 0.0
    }

    private let state = Mutex(State())

    func record(_ value: Int64) { self.record(Double(value)) }

    func record(_ value: Double) {
        let index = MetricsRegistry.buckets.firstIndex { value <= $0 } ?? MetricsRegistry.buckets.count
        self.state.withLock { state in
            state.counts[index] += 1
            state.sum += value
        }
    }

    func recordNanoseconds(_ duration: Int64) { self.record(Double(duration) / 1e9) }

    func preferDisplayUnit(_ unit: TimeUnit) {}

    func write(name: String, labels: String, to text: inout String) {
        let state = self.state.withLock { $0 }
        let others = labels.isEmpty ? "" : labels.dropFirst().dropLast() + ","
        var total: UInt64 = 0
        for (index, count) in state.counts.enumerated() {
            total += count
            let bound =
                index < MetricsRegistry.buckets.count ? prometheusNumber(MetricsRegistry.buckets[index]) : "+Inf"
            text += "\(name)_bucket{\(others)le=\"\(bound)\"} \(total)\n"
        }
        text += "\(name)_sum\(labels) \(prometheusNumber(state.sum))\n"
        text += "\(name)_count\(labels) \(total)\n"
    }
}

/// Whole numbers without a fraction; Swift's `inf` and `nan` as Prometheus spells them.
func prometheusNumber(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return Int64(exactly: value).map { String($0) } ?? String(value)
}
