import ArgumentParser
import Foundation
import Kafka
import Logging

/// `voice-bench kafka`: from produce to the consuming task, through our wrapper and through a plain loop over
/// librdkafka with the same settings, in turn.
struct KafkaBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kafka",
        abstract: "Produce-to-consume latency and processor time per record, ours against a plain librdkafka loop."
    )

    @Option(help: "host:port of a broker; without one, librdkafka's mock in this process (not counted).")
    var bootstrap: String?
    @Option(help: "Records per second.") var rate = 500
    @Option(help: "Seconds per round, after one to warm up.") var seconds = 5
    @Option(help: "Bytes of a record's value, at least 8.") var size = 200
    @Option(help: "Partitions of the topic.") var partitions: Int32 = 4
    @Option(help: "Rounds of each case.") var rounds = 3
    @Option(help: "A librdkafka property for all clients, as name=value; may be repeated.") var property: [String] = []

    func validate() throws {
        guard self.size >= 8, self.rate > 0, self.seconds > 0, self.partitions > 0, self.rounds > 0 else {
            throw ValidationError("all numbers are positive, and --size is at least 8")
        }
        try NamedValues.validate(self.property)
    }

    func run() async throws {
        var logger = Logger(label: "voice-bench", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .error
        let cluster = self.bootstrap == nil ? try EmbeddedCluster(logger: logger) : nil
        let kafka = KafkaConfiguration(
            bootstrapServers: self.bootstrap ?? cluster?.bootstrapServers ?? "",
            profile: cluster == nil ? .kafka : .embedded,
            instanceID: "voice-bench",
            properties: NamedValues.dictionary(self.property)
        )
        let admin = KafkaAdmin(configuration: kafka, logger: logger)
        let load = Load(rate: self.rate, count: self.rate * (self.seconds + 1), warmUp: self.rate, size: self.size)
        var plain = Measurements()
        var wrapped = Measurements()
        for _ in 0..<self.rounds {
            for isPlain in [true, false] {
                let topic = "voice-bench.\(UUID().uuidString)"
                if let cluster {
                    try cluster.createTopic(topic, partitions: self.partitions)
                } else {
                    try await admin.ensure([.init(name: topic, partitions: self.partitions)], timeout: .seconds(30))
                }
                if isPlain {
                    plain.add(try await PlainLoop(topic: topic, configuration: kafka).run(load))
                } else {
                    wrapped.add(try await WrappedLoop(topic: topic, configuration: kafka, logger: logger).run(load))
                }
            }
        }
        plain.report("kafka_plain_librdkafka", load)
        wrapped.report("kafka_wrapped", load)
        withExtendedLifetime(cluster) {}
    }
}

/// Records at a steady pace, each with the time it was produced in front.
struct Load: Sendable {
    var rate: Int
    var count: Int
    /// The first so many records are not measured.
    var warmUp: Int
    var size: Int

    /// Blocks its thread until the last record is given.
    func produce(_ send: (UnsafeRawBufferPointer, _ key: Int) -> Void) {
        var value = [UInt8](repeating: 0x7e, count: self.size)
        let start = Clock.nanoseconds
        for index in 0..<self.count {
            Clock.sleep(until: start + UInt64(index) * 1_000_000_000 / UInt64(self.rate))
            value.withUnsafeMutableBytes { bytes in
                bytes.storeBytes(of: Clock.nanoseconds, as: UInt64.self)
                send(UnsafeRawBufferPointer(bytes), index % 50)
            }
        }
    }
}

/// What one round saw.
struct Round: Sendable {
    private(set) var received = 0
    private(set) var latencies: [UInt64] = []
    private(set) var processorTime: Int64 = 0
    private var startedAt: Int64 = 0
    private let load: Load

    init(_ load: Load) {
        self.load = load
        self.latencies.reserveCapacity(load.count)
    }

    var isComplete: Bool { self.received == self.load.count }

    mutating func receive(producedAt time: UInt64) {
        self.received += 1
        if self.received == self.load.warmUp { self.startedAt = Clock.processorTime }
        if self.received > self.load.warmUp { self.latencies.append(Clock.nanoseconds - time) }
        if self.isComplete { self.processorTime = Clock.processorTime - self.startedAt }
    }
}

/// The rounds of one case together.
struct Measurements {
    private var latencies: [UInt64] = []
    private var processorTimes: [Double] = []

    mutating func add(_ round: Round) {
        self.latencies += round.latencies
        self.processorTimes.append(Double(round.processorTime) / Double(round.latencies.count))
    }

    /// One JSON line.
    func report(_ name: String, _ load: Load) {
        let sorted = self.latencies.sorted()
        let microseconds = { (percent: Int) in sorted[min(sorted.count - 1, sorted.count * percent / 100)] / 1_000 }
        // The rounds' best: whatever else runs on the machine only adds.
        let processor = (self.processorTimes.min() ?? 0) / 1_000
        print(
            "{\"case\":\"\(name)\",\"rate\":\(load.rate),\"records\":\(sorted.count),\"us_p50\":\(microseconds(50)),"
                + "\"us_p99\":\(microseconds(99)),\"us_max\":\((sorted.last ?? 0) / 1_000),"
                + "\"cpu_us_per_record\":\((processor * 10).rounded() / 10)}"
        )
    }
}
