import ArgumentParser
import CallEvents
import Foundation
import Kafka
import Logging

/// `voice-bench coordinator`: many calls at once in one agent-coordinator process, and its restart.
struct CoordinatorBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "coordinator",
        abstract: "Many calls at once in one agent-coordinator process: processor time, memory, latency, restore.",
        discussion: """
            Starts the agent-coordinator beside this executable and plays the other stages. All calls go on at the same \
            time, evenly spread: six turns of both sides, two tools and a handoff. Then the process is killed and started \
            again with all calls in progress. Uses topics of its own, which stay behind. One JSON line. Ends with 1 when \
            a tool was not answered, or a call was missing after the restart.

            cpu_ms_per_event: of the process, per record on topic events, its own included. tool_ms: from a request being \
            produced to the command that answers it being read, committed. mib: growth of resident memory from before \
            the calls. restore_s: from the start of the process until it is ready, with all calls.
            """
    )

    @Option(help: "host:port of a broker.") var bootstrap: String
    @Option(help: "Simultaneous calls.") var calls = 2_000
    @Option(help: "Seconds that the calls last.") var seconds = 180
    @Option(help: "Partitions of each topic.") var partitions: Int32 = 12
    @Option(help: "Path of another build of agent-coordinator.") var coordinator: String?
    @Option(help: "Environment of agent-coordinator, as NAME=VALUE; may be repeated.") var environment: [String] = []

    func validate() throws {
        guard self.calls > 0, self.seconds > 0, self.partitions > 0 else {
            throw ValidationError("all numbers are positive")
        }
        try NamedValues.validate(self.environment)
    }

    func run() async throws {
        var logger = Logger(label: "voice-bench", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .error
        let run = CoordinatorRun(
            calls: self.calls,
            seconds: self.seconds,
            topics: TopicNames(
                prefix: "bench-coordinator-\(UInt32.random(in: 0 ..< .max)).",
                partitions: self.partitions
            ),
            kafka: KafkaConfiguration(bootstrapServers: self.bootstrap, instanceID: "voice-bench"),
            path: self.coordinator,
            environment: NamedValues.dictionary(self.environment),
            logger: logger
        )
        let isFaultless = try await run.measure()
        fflush(nil)
        if !isFaultless { throw ExitCode.failure }
    }
}
