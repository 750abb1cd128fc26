import ArgumentParser
import CallEvents
import Foundation
import Kafka
import TestSupport

/// `voice-bench scale`: calls in real time through audio-transcoder processes that come, go and are killed.
struct ScaleBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "scale",
        abstract:
            "Gaps in calls while audio-transcoder is scaled 1 → 2 → 1 and killed; and whether its output is exact.",
        discussion: """
            Starts the audio-transcoder beside this executable. A line for each event: the longest time between two \
            consecutive frames of a call and direction at their reader, for calls whose partition stayed with its \
            instance and for those that moved; and how far apart the frames were produced (all of them have this). Ends \
            with 1 when any stream is not what the converters alone make of it, repeats dropped.
            """
    )

    @Option(help: "host:port of a broker, such as that of Apache Kafka or dev-broker.") var bootstrap: String
    @Option(help: "kafka, or embedded for dev-broker.") var profile = "kafka"
    @Option(help: "Simultaneous calls.") var calls = 50
    @Option(help: "Partitions of the topics, which are called <prefix>….") var partitions: Int32 = 12
    @Option(help: "Before the topics' names.") var prefix = "scale."
    @Option(help: "Seconds to watch after each event.") var seconds = 8
    @Option(help: "A librdkafka property for all clients, as name=value; may be repeated.") var property: [String] = []
    @Option(help: "Times that 1 → 2 → 1 is gone through.") var rounds = 1

    func validate() throws {
        guard self.calls > 0, self.partitions > 0, self.seconds > 0, self.rounds > 0 else {
            throw ValidationError("all numbers are positive")
        }
        if let wrong = self.property.first(where: { !$0.contains("=") || $0.hasPrefix("=") }) {
            throw ValidationError("--property is name=value, not \(wrong)")
        }
        guard KafkaConfiguration.Profile(rawValue: self.profile) != nil else {
            throw ValidationError("--profile is kafka or embedded")
        }
    }

    func run() async throws {
        let kafka = KafkaConfiguration(
            bootstrapServers: self.bootstrap,
            profile: KafkaConfiguration.Profile(rawValue: self.profile) ?? .kafka,
            instanceID: "voice-bench",
            properties: Dictionary(
                self.property.map { text in
                    let parts = text.split(separator: "=", maxSplits: 1)
                    return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
                },
                uniquingKeysWith: { $1 }
            )
        )
        let run = ScaleRun(
            calls: self.calls,
            topics: TopicNames(prefix: self.prefix, partitions: self.partitions),
            kafka: kafka,
            watching: .seconds(self.seconds),
            rounds: self.rounds
        )
        guard try await run.measure() else { throw ExitCode.failure }
    }
}
