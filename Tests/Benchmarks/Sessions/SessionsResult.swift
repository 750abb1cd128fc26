/// What one run of many calls in realtime-session came to.
struct SessionsResult: Sendable {
    var sessions: Int
    var seconds: Double
    /// Of the stage, user and system, in seconds.
    var processorTime: Double
    var simulatorTime: Double
    /// Of this program.
    var ownProcessorTime: Double
    /// `voice_session_added_latency_seconds` of what was measured.
    var inStage: MetricHistogram
    var inbound: FrameLedger.Count
    /// Ends of items included.
    var outbound: FrameLedger.Count
    var inboundLatencies: Latencies
    var outboundLatencies: Latencies
    /// How late the phones' frames were produced.
    var lateness: Latencies
    /// Dropped by the stage, for whatever reason.
    var dropped: Int
    var reconnects: Int
    /// Begun.
    var calls: Int
    var turns: Int
    var tools: Int
    /// Growth of the stage's resident memory from before the calls, in bytes, second by second.
    var resident: [Int]

    var isFaultless: Bool {
        self.dropped == 0 && self.reconnects == 0
            && [self.inbound, self.outbound].allSatisfy {
                $0.lost == 0 && $0.repeated == 0 && $0.outOfOrder == 0 && $0.foreign == 0
            }
    }

    /// One JSON line.
    func report(_ name: String) {
        let callSeconds = self.seconds * Double(self.sessions)
        let third = max(1, self.resident.count / 3)
        var values: [(String, Double)] = [
            ("sessions", Double(self.sessions)),
            ("seconds", self.seconds),
            ("cpu_ms_per_call_second", self.processorTime * 1_000 / callSeconds),
            ("kib_per_call", self.kibPerCall(self.resident.max() ?? 0)),
            ("first_third_kib", self.kibPerCall(self.resident.prefix(third).reduce(0, +) / third)),
            ("last_third_kib", self.kibPerCall(self.resident.suffix(third).reduce(0, +) / third)),
            ("stage_ms_p50", self.inStage.quantile(0.5) * 1_000),
            ("stage_ms_p99", self.inStage.quantile(0.99) * 1_000),
        ]
        for (way, latencies) in [("in", self.inboundLatencies), ("out", self.outboundLatencies)] {
            for (label, value) in zip(["p50", "p99", "max"], latencies.milliseconds(50, 99, 100)) {
                values.append(("\(way)_ms_\(label)", value))
            }
        }
        for (way, count) in [("in", self.inbound), ("out", self.outbound)] {
            values += [
                ("\(way)_frames", Double(count.sent)), ("\(way)_lost", Double(count.lost)),
                ("\(way)_repeated", Double(count.repeated)), ("\(way)_out_of_order", Double(count.outOfOrder)),
                ("\(way)_foreign", Double(count.foreign)),
            ]
        }
        values += [
            ("dropped", Double(self.dropped)),
            ("reconnects", Double(self.reconnects)),
            ("calls", Double(self.calls)),
            ("turns", Double(self.turns)),
            ("tools", Double(self.tools)),
            ("produced_late_ms_p99", self.lateness.milliseconds(99)[0]),
            ("simulator_cpu_ms_per_call_second", self.simulatorTime * 1_000 / callSeconds),
            ("own_cpu_ms_per_call_second", self.ownProcessorTime * 1_000 / callSeconds),
        ]
        ResultLine.print(name, values)
    }

    private func kibPerCall(_ bytes: Int) -> Double { Double(bytes / 1024) / Double(self.sessions) }
}
