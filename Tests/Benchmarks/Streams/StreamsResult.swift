/// What one run, or several of them, came to.
struct StreamsResult: Sendable {
    private(set) var runs = 1
    var inbound = FrameLedger.Count()
    var outbound = FrameLedger.Count()
    var clearsMissing = 0
    /// Numbers of Twilio's errors and warnings.
    var problems: [Int] = []
    var inboundLatencies = Latencies()
    var receivedLatencies = Latencies()
    var outboundLatencies = Latencies()
    var clearLatencies = Latencies()
    /// How late the caller's frames were sent: what the machine could not do in time.
    var lateness = Latencies()
    /// Of the ingress, in seconds for each second of a stream.
    var processorTime = 0.0
    /// Of this program.
    var ownProcessorTime = 0.0
    var residentBefore: Int
    var residentDuring = 0
    var residentAfter = 0
    var streams: Int

    init(residentBefore: Int, streams: Int) {
        self.residentBefore = residentBefore
        self.streams = streams
    }

    mutating func take(_ inbound: FrameLedger, _ outbound: FrameLedger, _ clears: ClearTimes) {
        self.inbound = inbound.count
        self.outbound = outbound.count
        self.clearsMissing = clears.missing
        self.inboundLatencies = inbound.latencies
        self.receivedLatencies = inbound.firstLegs
        self.outboundLatencies = outbound.latencies
        self.clearLatencies = clears.latencies
    }

    var isFaultless: Bool {
        self.clearsMissing == 0 && self.problems.isEmpty
            && [self.inbound, self.outbound].allSatisfy {
                $0.lost == 0 && $0.repeated == 0 && $0.outOfOrder == 0 && $0.foreign == 0
            }
    }

    /// Counts and latencies of both; the mean of the rest.
    func adding(_ other: StreamsResult) -> StreamsResult {
        var sum = self
        let weight = Double(self.runs)
        let mean = { (a: Double, b: Double) in (a * weight + b) / (weight + 1) }
        let meanBytes = { (a: Int, b: Int) in Int(mean(Double(a), Double(b))) }
        sum.runs += 1
        sum.inbound.add(other.inbound)
        sum.outbound.add(other.outbound)
        sum.clearsMissing += other.clearsMissing
        sum.problems += other.problems
        sum.inboundLatencies.add(other.inboundLatencies)
        sum.receivedLatencies.add(other.receivedLatencies)
        sum.outboundLatencies.add(other.outboundLatencies)
        sum.clearLatencies.add(other.clearLatencies)
        sum.lateness.add(other.lateness)
        sum.processorTime = mean(self.processorTime, other.processorTime)
        sum.ownProcessorTime = mean(self.ownProcessorTime, other.ownProcessorTime)
        sum.residentBefore = meanBytes(self.residentBefore, other.residentBefore)
        sum.residentDuring = meanBytes(self.residentDuring, other.residentDuring)
        sum.residentAfter = meanBytes(self.residentAfter, other.residentAfter)
        return sum
    }

    static let head = """
        in, out: frames sent, lost/repeated/out of order; latencies: ms p50 / p99; cpu: ms of the ingress for each \
        second of a stream
        """ + "\n" + Self.line(Self.columns)

    private static let columns = [
        "in", "out", "cpu", "MiB", "KiB/stream", "in", "(received)", "out", "clear", "sent late", "own cpu", "",
    ]
    private static let widths = [15, 15, 6, 14, 10, 13, 13, 13, 13, 13, 7, 0]

    func row(_ name: String) -> String {
        let mebibytes = [self.residentBefore, self.residentDuring, self.residentAfter].map { "\($0 >> 20)" }
        return Self.line([
            self.inbound.text, self.outbound.text, "\((self.processorTime * 1_000).rounded(to: 3))",
            mebibytes.joined(separator: "→"),
            "\((self.residentDuring - self.residentBefore) / (self.streams << 10))",
            self.inboundLatencies.text, self.receivedLatencies.text, self.outboundLatencies.text,
            self.clearLatencies.text, self.lateness.text, "\((self.ownProcessorTime * 1_000).rounded(to: 3))",
            name + (self.clearsMissing == 0 ? "" : ", \(self.clearsMissing) clears missing")
                + (self.problems.isEmpty ? "" : ", problems \(Set(self.problems).sorted())"),
        ])
    }

    private static func line(_ fields: [String]) -> String {
        zip(fields, self.widths)
            .map { field, width in field + String(repeating: " ", count: max(1, width - field.count)) }
            .joined()
    }
}

extension FrameLedger.Count {
    mutating func add(_ other: FrameLedger.Count) {
        self.sent += other.sent
        self.arrived += other.arrived
        self.repeated += other.repeated
        self.outOfOrder += other.outOfOrder
        self.foreign += other.foreign
    }

    fileprivate var text: String {
        "\(self.sent) \(self.lost)/\(self.repeated)/\(self.outOfOrder)"
            + (self.foreign > 0 ? " \(self.foreign) foreign" : "")
    }
}
