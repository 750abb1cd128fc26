/// What one run of watched calls came to.
struct MonitorResult: Sendable {
    var calls: Int
    var seconds: Double
    /// Of the sink, user and system, in seconds.
    var processorTime: Double
    var events: Latencies
    var live: Latencies
    var wall: Latencies
    /// Utterances that did not come.
    var lost: Int

    var worstP99: Double { [self.events, self.live, self.wall].map { $0.milliseconds(99)[0] }.max() ?? 0 }

    /// One JSON line.
    func report(_ name: String) {
        var values: [(String, Double)] = [("calls", Double(self.calls)), ("seconds", self.seconds)]
        for (kind, latencies) in [("events", self.events), ("live", self.live), ("wall", self.wall)] {
            let milliseconds = latencies.milliseconds(50, 99, 100)
            values += zip(["p50", "p99", "max"], milliseconds).map { ("\(kind)_ms_\($0)", $1) }
            values.append((kind, Double(latencies.count)))
        }
        values += [("lost", Double(self.lost)), ("sink_cores", self.processorTime / self.seconds)]
        ResultLine.print(name, values)
    }
}
