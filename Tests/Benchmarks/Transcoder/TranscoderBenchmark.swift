import ArgumentParser
import CallEvents
import Foundation
import Kafka
import Logging

/// `voice-bench transcoder`: many calls at once through one audio-transcoder process and a broker, in real time.
struct TranscoderBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "transcoder",
        abstract: "Many calls at once through one audio-transcoder process: calls per core, latency, losses, memory.",
        discussion: """
            Starts the audio-transcoder beside this executable for each run and plays twilio-ingress and \
            realtime-session. One JSON line for each run. Ends with 1 when a frame was lost, repeated, dropped or out of \
            order.

            stage_ms: voice_transcoder_latency_seconds of the stage itself, a quantile between the bounds of a \
            bucket. in_ms (phone to model), out_ms (model to phone): from being produced to being consumed behind the \
            stage, two passages through the broker included.
            """
    )

    @Option(help: "host:port of a broker; without one, librdkafka's mock in this process, which is not for figures.")
    var bootstrap: String?
    @Option(help: "Simultaneous calls.") var calls = 50
    @Option(help: "Seconds per run, after three to warm up.") var seconds = 20
    @Option(help: "Partitions of the topics, which are called bench<n>.…") var partitions: Int32 = 12
    @Option(help: "Runs.") var rounds = 1
    @Flag(help: "The agent speaks half of the time, in items of two seconds, instead of all the time.") var pauses =
        false
    @Flag(help: "Steps the calls up, doubling from --calls, as long as all arrive and p99 is within --limit.")
    var findCapacity = false
    @Option(help: "Milliseconds of the worse direction's p99 that --find-capacity allows.") var limit = 25.0
    @Option(help: "Path of another build of audio-transcoder.") var transcoder: String?
    @Option(help: "Environment of audio-transcoder, as NAME=VALUE; may be repeated.") var environment: [String] = []

    func validate() throws {
        guard self.calls > 0, self.seconds > 0, self.partitions > 0, self.rounds > 0, self.limit > 0 else {
            throw ValidationError("all numbers are positive")
        }
        try NamedValues.validate(self.environment)
    }

    func run() async throws {
        var logger = Logger(label: "voice-bench", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .error
        let topics = TopicNames(prefix: "bench\(self.partitions).", partitions: self.partitions)
        let cluster = self.bootstrap == nil ? try EmbeddedCluster(logger: logger) : nil
        if let cluster {
            for topic in Topic.allCases { try cluster.createTopic(topics[topic], partitions: self.partitions) }
            FileHandle.standardError.write(Data("On the embedded broker: not for figures.\n".utf8))
        }
        var run = TranscoderRun(
            load: StreamLoad(streams: self.calls, seconds: self.seconds),
            hasPauses: self.pauses,
            topics: topics,
            kafka: KafkaConfiguration(
                bootstrapServers: self.bootstrap ?? cluster?.bootstrapServers ?? "",
                profile: cluster == nil ? .kafka : .embedded,
                instanceID: "voice-bench"
            ),
            path: self.transcoder,
            environment: NamedValues.dictionary(self.environment),
            logger: logger
        )
        defer { withExtendedLifetime(cluster) {} }
        if self.findCapacity { return try await self.findCapacity(&run) }
        var isFaultless = true
        for _ in 0..<self.rounds {
            let result = try await run.measure()
            self.report(result)
            isFaultless = isFaultless && result.isFaultless
        }
        if !isFaultless { throw ExitCode.failure }
    }

    private func findCapacity(_ run: inout TranscoderRun) async throws {
        var carried = 0
        while true {
            let result = try await run.measure()
            self.report(result)
            guard result.isFaultless, result.worstP99 <= self.limit else { break }
            carried = run.load.streams
            run.load.streams *= 2
        }
        print("{\"case\":\"transcoder.capacity\",\"calls\":\(carried),\"limit_ms_p99\":\(self.limit)}")
    }

    private func report(_ result: TranscoderResult) {
        let broker = self.bootstrap == nil ? ".embedded" : ""
        result.report("transcoder" + (self.pauses ? ".pauses" : "") + broker)
        fflush(nil)
    }
}
