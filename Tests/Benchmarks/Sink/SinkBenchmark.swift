import ArgumentParser
import CallEvents
import Foundation
import Kafka
import Logging
import TestSupport

/// `voice-bench sink`: how fast results-sink writes what waits for it.
struct SinkBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sink",
        abstract: "Records that results-sink writes per second, into SQLite and into PostgreSQL.",
        discussion: """
            Produces the events and results of many calls, then starts the results-sink beside this executable, which has \
            them all to do. At last what the database holds is compared with a fold of all records. Uses topics of its \
            own, which stay behind. One JSON line for each database. Ends with 1 when a row is not as it must be.

            records_per_second: from the first records that were stored to the last. cpu_ms_per_record: of the process, \
            without a database server's. exact: 1 when every row is.
            """
    )

    @Option(help: "host:port of a broker.") var bootstrap: String
    @Option(help: "An empty database. Default: a file of its own, and then a PostgreSQL server of its own.")
    var databaseUrl: String?
    @Option(help: "Calls, of about 130 records each.") var calls = 1_000
    @Option(help: "How many of them go on at the same time.") var atOnce = 200
    @Option(help: "Turns of a call.") var turns = 10
    @Option(help: "Partitions of each topic.") var partitions: Int32 = 12

    func validate() throws {
        guard self.calls > 0, self.atOnce > 0, self.turns >= 5, self.partitions > 0 else {
            throw ValidationError("all numbers are positive, and a call has at least 5 turns")
        }
    }

    func run() async throws {
        var isExact = true
        if let databaseUrl {
            isExact = try await self.measure(databaseUrl.hasPrefix("sqlite") ? "sqlite" : "postgresql", databaseUrl)
        } else {
            let directory = NSTemporaryDirectory() + "/voice-bench-sink-\(UInt32.random(in: 0 ... .max))"
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            defer { try? FileManager.default.removeItem(atPath: directory) }
            isExact = try await self.measure("sqlite", "sqlite:///\(directory)/results.sqlite")
            try await PostgreSQLServer.run { server in
                if try await !self.measure("postgresql", server.create()) { isExact = false }
            }
        }
        fflush(nil)
        if !isExact { throw ExitCode.failure }
    }

    private func measure(_ name: String, _ databaseURL: String) async throws -> Bool {
        var logger = Logger(label: "voice-bench", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .error
        let run = SinkRun(
            name: name,
            databaseURL: databaseURL,
            topics: TopicNames(prefix: "bench-sink-\(UInt32.random(in: 0 ..< .max)).", partitions: self.partitions),
            kafka: KafkaConfiguration(bootstrapServers: self.bootstrap, instanceID: "voice-bench"),
            logger: logger
        )
        return try await run.measure(calls: self.calls, turns: self.turns, atOnce: self.atOnce)
    }
}
