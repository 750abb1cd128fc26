/// What one run of many calls through audio-transcoder came to.
struct TranscoderResult: Sendable {
    var calls: Int
    var seconds: Double
    /// Of the stage, user and system, in seconds.
    var processorTime: Double
    /// Of this program, the embedded broker's thread apart.
    var ownProcessorTime: Double
    /// `voice_transcoder_latency_seconds` of what was measured.
    var inStage: MetricHistogram
    var fromPhone: FrameLedger.Count
    var fromModel: FrameLedger.Count
    /// From being produced to being consumed behind the stage.
    var fromPhoneLatencies: Latencies
    var fromModelLatencies: Latencies
    /// How late the frames were produced.
    var lateness: Latencies
    /// Dropped by the stage, for whatever reason.
    var dropped: Int
    /// What was on its way when the last frame had been produced.
    var behind: Int
    /// Growth of the stage's resident memory from before the calls.
    var grownBytes: Int

    var isFaultless: Bool {
        self.dropped == 0
            && [self.fromPhone, self.fromModel].allSatisfy {
                $0.lost == 0 && $0.repeated == 0 && $0.outOfOrder == 0 && $0.foreign == 0
            }
    }

    /// The worse direction's, in milliseconds.
    var worstP99: Double {
        max(self.fromPhoneLatencies.milliseconds(99)[0], self.fromModelLatencies.milliseconds(99)[0])
    }

    /// One JSON line.
    func report(_ name: String) {
        let perCallSecond = self.processorTime / (self.seconds * Double(self.calls))
        let both = [self.fromPhone, self.fromModel]
        var values: [(String, Double)] = [
            ("calls", Double(self.calls)),
            ("calls_per_core", (1 / perCallSecond).rounded()),
            ("cpu_ms_per_call_second", perCallSecond * 1_000),
            ("stage_ms_p50", self.inStage.quantile(0.5) * 1_000),
            ("stage_ms_p99", self.inStage.quantile(0.99) * 1_000),
            ("stage_ms_max", self.inStage.quantile(1) * 1_000),
        ]
        for (way, latencies) in [("in", self.fromPhoneLatencies), ("out", self.fromModelLatencies)] {
            for (label, value) in zip(["p50", "p99", "max"], latencies.milliseconds(50, 99, 100)) {
                values.append(("\(way)_ms_\(label)", value))
            }
        }
        values += [
            ("frames", Double(both.reduce(0) { $0 + $1.sent })),
            ("lost", Double(both.reduce(0) { $0 + $1.lost })),
            ("repeated", Double(both.reduce(0) { $0 + $1.repeated })),
            ("out_of_order", Double(both.reduce(0) { $0 + $1.outOfOrder })),
            ("foreign", Double(both.reduce(0) { $0 + $1.foreign })),
            ("dropped", Double(self.dropped)),
            ("behind_at_end", Double(self.behind)),
            ("kib_per_call", Double(self.grownBytes / 1024) / Double(self.calls)),
            ("produced_late_ms_p99", self.lateness.milliseconds(99)[0]),
            ("own_cpu_ms_per_call_second", self.ownProcessorTime * 1_000 / (self.seconds * Double(self.calls))),
        ]
        ResultLine.print(name, values)
    }
}
