import ArgumentParser
import CallEvents
import Kafka
import Logging
import ServiceLifecycle
import UnixSignals

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

@main
struct DevBroker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dev-broker",
        abstract: "An in-memory Kafka broker on loopback, for trying out and for tests; what it holds ends with it.",
        discussion: """
            It wraps librdkafka's mock cluster and creates all topics of the system. Run the stages with \
            VOICE_KAFKA_PROFILE=embedded. It is not for production, load or fault figures: use Apache Kafka there.
            """
    )

    @Option(help: "Where clients begin; 0 takes a free port.")
    var port = 9092

    @Option(help: "Prefix of the topics.")
    var prefix = "voice."

    @Option(help: "Partitions of each topic, as VOICE_TOPIC_PARTITIONS of the stages.")
    var partitions: Int32 = 12

    func validate() throws {
        guard (0...65535).contains(self.port) else { throw ValidationError("--port must be 0–65535.") }
        guard (1...10_000).contains(self.partitions) else { throw ValidationError("--partitions must be 1–10000.") }
    }

    func run() async throws {
        let logger = Logger(label: "dev-broker")
        let cluster = try EmbeddedCluster(logger: logger)
        let topics = TopicNames(prefix: self.prefix, partitions: self.partitions)
        for topic in Topic.allCases {
            try cluster.createTopic(topics[topic], partitions: self.partitions)
        }
        // The cluster picks its own port; metadata then leads clients there.
        let forwarder = BootstrapForwarder(port: self.port, to: cluster.bootstrapServers) { port in
            Self.write("In memory only: what is written here ends with this process.", to: STDOUT_FILENO)
            Self.write("listening on 127.0.0.1:\(port)", to: STDOUT_FILENO)
        }
        let group = ServiceGroup(
            services: [forwarder],
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger
        )
        do {
            try await group.run()
        } catch let error as BootstrapForwarder.PortInUse {
            Self.write("dev-broker: \(error)", to: STDERR_FILENO)
            throw ExitCode(EX_UNAVAILABLE)
        }
    }

    /// At once, also into a file or a pipe: whoever started the broker waits for the line.
    private static func write(_ line: String, to descriptor: Int32) {
        let bytes = Array((line + "\n").utf8)
        _ = Glibc.write(descriptor, bytes, bytes.count)
    }
}
