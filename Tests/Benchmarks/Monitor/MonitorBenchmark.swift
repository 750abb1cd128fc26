import ArgumentParser
import CallEvents
import Foundation
import Kafka
import Logging

/// `voice-bench monitor`: how soon those who watch calls are told what happens.
struct MonitorBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "monitor",
        abstract: "From Kafka's timestamp of a record to the clients that watch calls, with many calls in progress.",
        discussion: """
            Starts the results-sink beside this executable, produces events, levels and partial words of many calls as they \
            come in real ones, and watches each call, and all of them at once, over HTTP. Uses topics of its own, which \
            stay behind. One JSON line. Ends with 1 when an event did not arrive, or p99 is above --limit.

            events_ms, live_ms (levels, partial words), wall_ms (calls, for who watches all): from the record's timestamp, \
            in whole milliseconds, until the client has read it.
            """
    )

    @Option(help: "host:port of a broker; without one, librdkafka's mock in this process, which is not for figures.")
    var bootstrap: String?
    @Option(help: "Calls in progress, each watched by one client.") var calls = 100
    @Option(help: "Seconds, after three to warm up.") var seconds = 20
    @Option(help: "Partitions of each topic.") var partitions: Int32 = 12
    @Option(help: "DATABASE_URL of the sink. Default: a file of its own.") var databaseUrl: String?
    @Flag(help: "Also shows the calls in Chromium, and prints what performance.py says; 60 seconds or more.")
    var browser = false
    @Option(help: "Milliseconds of the worst p99 that are allowed.") var limit = 250.0

    func validate() throws {
        guard self.calls > 0, self.seconds > 0, self.partitions > 0, self.limit > 0 else {
            throw ValidationError("all numbers are positive")
        }
        guard !self.browser || self.seconds >= 60 else {
            throw ValidationError("the browser needs 60 seconds or more")
        }
    }

    func run() async throws {
        var logger = Logger(label: "voice-bench", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .error
        let prefix = "bench-monitor-\(UInt32.random(in: 0 ..< .max))."
        let topics = TopicNames(prefix: prefix, partitions: self.partitions)
        let cluster = self.bootstrap == nil ? try EmbeddedCluster(logger: logger) : nil
        if let cluster {
            for topic in Topic.allCases { try cluster.createTopic(topics[topic], partitions: self.partitions) }
            FileHandle.standardError.write(Data("On the embedded broker: not for figures.\n".utf8))
        }
        defer { withExtendedLifetime(cluster) {} }
        let directory = NSTemporaryDirectory() + "/voice-\(prefix)d"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let run = MonitorRun(
            calls: self.calls,
            seconds: self.seconds,
            topics: topics,
            kafka: KafkaConfiguration(
                bootstrapServers: self.bootstrap ?? cluster?.bootstrapServers ?? "",
                profile: cluster == nil ? .kafka : .embedded,
                instanceID: "voice-bench"
            ),
            databaseURL: self.databaseUrl ?? "sqlite:///\(directory)/results.sqlite",
            pageLog: self.browser ? "\(directory)/page.log" : nil,
            logger: logger
        )
        let result = try await run.measure()
        result.report("monitor" + (cluster == nil ? "" : ".embedded"))
        fflush(nil)
        if result.lost > 0 || result.worstP99 > self.limit { throw ExitCode.failure }
    }
}
