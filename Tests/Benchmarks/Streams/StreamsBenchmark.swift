import ArgumentParser
import CallEvents
import Foundation
import Kafka
import Logging

/// `voice-bench streams`: many Media Streams at once against one twilio-ingress process and a broker, in real time.
struct StreamsBenchmark: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "streams",
        abstract: "Many Media Streams at once through one twilio-ingress: losses, memory, processor time, latency.",
        discussion: """
            Starts the twilio-ingress beside this executable for each run and plays Twilio's side of the sockets and \
            the stage behind. Ends with 1 when a frame was lost, repeated or out of order.

            in: written to the socket → read from Kafka by the next stage; of it, → received_at_us. out: produced → \
            media on the socket. clear: produced → on the socket. Through the simulator: in from received_at_us on, and \
            of the agent's frames only their number.
            """
    )

    @Option(help: "host:port of a broker, such as that of Apache Kafka or dev-broker.")
    var bootstrap: String
    @Option(help: "kafka, or embedded for dev-broker.") var profile = "kafka"
    @Option(help: "Simultaneous streams.") var streams = 200
    @Option(help: "Seconds per run, after three to warm up.") var seconds = 30
    @Option(help: "Partitions of the topics, which are called bench<n>.…") var partitions: Int32 = 12
    @Option(help: "Event loops that play Twilio's side.") var threads = 1
    @Flag(help: "Have twilio-simulator, in this process, play Twilio's side.") var throughSimulator = false
    @Option(help: "Runs of each variant, in turn.") var rounds = 1
    @Option(
        help: """
            Environment of twilio-ingress, as NAME=VALUE[,NAME=VALUE]; may be repeated to compare. INGRESS=path is \
            another build of it.
            """
    )
    var variant: [String] = []
    @Option(help: "A librdkafka property for this program's own clients, as name=value; may be repeated.")
    var property: [String] = []

    func validate() throws {
        guard self.streams > 0, self.seconds > 0, self.partitions > 0, self.rounds > 0, self.threads > 0 else {
            throw ValidationError("all numbers are positive")
        }
        guard KafkaConfiguration.Profile(rawValue: self.profile) != nil else {
            throw ValidationError("--profile is kafka or embedded")
        }
        try NamedValues.validate(self.property + self.variant.flatMap { $0.split(separator: ",").map(String.init) })
    }

    func run() async throws {
        var logger = Logger(label: "voice-bench", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = .error
        let kafka = KafkaConfiguration(
            bootstrapServers: self.bootstrap,
            profile: KafkaConfiguration.Profile(rawValue: self.profile) ?? .kafka,
            instanceID: "voice-bench",
            properties: NamedValues.dictionary(self.property)
        )
        let variants = self.variant.isEmpty ? [""] : self.variant
        var results: [StreamsResult?] = Array(repeating: nil, count: variants.count)
        print(StreamsResult.head)
        for round in 1...self.rounds {
            for (index, variant) in variants.enumerated() {
                let run = StreamsRun(
                    load: StreamLoad(streams: self.streams, seconds: self.seconds),
                    topics: TopicNames(prefix: "bench\(self.partitions).", partitions: self.partitions),
                    kafka: kafka,
                    threads: self.threads,
                    environment: NamedValues.dictionary(variant.split(separator: ",").map(String.init)),
                    logger: logger
                )
                let result = try await self.throughSimulator ? run.measureThroughSimulator() : run.measure()
                print(result.row(variant.isEmpty ? "run \(round)" : "\(variant) run \(round)"))
                fflush(nil)
                results[index] = results[index]?.adding(result) ?? result
            }
        }
        if self.rounds > 1 {
            for (variant, result) in zip(variants, results) {
                if let result { print(result.row(variant.isEmpty ? "all" : "\(variant) all")) }
            }
        }
        if results.contains(where: { $0?.isFaultless == false }) { throw ExitCode.failure }
    }
}
