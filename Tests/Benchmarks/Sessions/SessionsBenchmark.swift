import ArgumentParser
import CallEvents
import Foundation
import Kafka
import Logging

/// `voice-bench sessions`: many calls at once in one realtime-session process, with a broker and a simulated model, in
/// real time.
struct SessionsBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions",
        abstract: "Many calls at once in one realtime-session process: processor time, memory, latency, losses.",
        discussion: """
            Starts the realtime-session and the realtime-simulator beside this executable and plays the phones and the \
            coordinator. Every 12 s each caller says a recorded sentence and the agent answers, every other time after \
            a tool; between sentences the phone sends silence like any audio. The connection to the model is not \
            encrypted. One JSON line. Ends with 1 when a frame was lost, repeated, dropped or out of order.

            in_ms: from a phone's frame being produced to the model's socket; out_ms: from the model's audio to its \
            frame being consumed behind the stage; both with a passage through the broker. stage_ms: \
            voice_session_added_latency_seconds of the stage itself, a quantile between the bounds of a bucket. \
            kib_per_call: growth of resident memory from before the calls, at its greatest; first_third_kib and \
            last_third_kib: its mean in those parts of the run.
            """
    )

    @Option(help: "host:port of a broker.") var bootstrap: String
    @Option(help: "kafka, or embedded for dev-broker, which is not for figures.") var profile = "kafka"
    @Option(help: "Simultaneous calls.") var sessions = 200
    @Option(help: "Seconds to measure, after ten to warm up.") var seconds = 30
    @Option(help: "Minutes to measure, instead.") var minutes: Int?
    @Option(help: "Seconds that a call lasts; another takes its place.") var callSeconds = 180
    @Option(help: "passthrough or pcm24k.") var path = "pcm24k"
    @Option(help: "Partitions of the topics, which are called bench<n>.…") var partitions: Int32 = 12
    @Option(help: "Path of another build of realtime-session.") var session: String?
    @Option(help: "Environment of realtime-session, as NAME=VALUE; may be repeated.") var environment: [String] = []

    func validate() throws {
        guard self.sessions > 0, self.seconds > 0, self.partitions > 0, self.minutes ?? 1 > 0, self.callSeconds >= 30
        else { throw ValidationError("all numbers are positive, and a call lasts half a minute") }
        guard ["passthrough", "pcm24k"].contains(self.path) else {
            throw ValidationError("--path is passthrough or pcm24k")
        }
        guard KafkaConfiguration.Profile(rawValue: self.profile) != nil else {
            throw ValidationError("--profile is kafka or embedded")
        }
        try NamedValues.validate(self.environment)
    }

    func run() async throws {
        var logger = Logger(label: "voice-bench", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .error
        let run = SessionsRun(
            load: StreamLoad(
                streams: self.sessions,
                seconds: self.minutes.map { $0 * 60 } ?? self.seconds,
                warmUpSeconds: 10
            ),
            callSeconds: self.callSeconds,
            codec: self.path == "passthrough" ? .pcmu : .pcm24k,
            topics: TopicNames(prefix: "bench\(self.partitions).", partitions: self.partitions),
            kafka: KafkaConfiguration(
                bootstrapServers: self.bootstrap,
                profile: KafkaConfiguration.Profile(rawValue: self.profile) ?? .kafka,
                instanceID: "voice-bench"
            ),
            path: self.session,
            environment: NamedValues.dictionary(self.environment),
            logger: logger
        )
        let result = try await run.measure()
        result.report("sessions.\(self.path)" + (self.profile == "embedded" ? ".embedded" : ""))
        fflush(nil)
        if !result.isFaultless { throw ExitCode.failure }
    }
}
