import ArgumentParser
import CallEvents
import Kafka
import Logging
import NIOCore
import ServiceLifecycle
import UnixSignals

@main
struct DevBroker: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "dev-broker",
        abstract: "A Kafka broker in memory, for trying LifeHub Voice out.",
        discussion: """
            It is the mock cluster of librdkafka with all topics of the system: no disk, no replication, about 5 MiB \
            kept per partition, gone when it ends. Clients need VOICE_KAFKA_PROFILE=embedded. For anything else, run \
            Apache Kafka.
            """
    )

    @Option(help: "The port on 127.0.0.1 that clients are told; 0 takes a free one.")
    var port = 9092

    @Option(help: "Put before every topic name, as VOICE_TOPIC_PREFIX of the stages.")
    var prefix = TopicNames().prefix

    @Option(help: "Partitions of every topic, as VOICE_TOPIC_PARTITIONS of the stages.")
    var partitions = TopicNames().partitions

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel = "warning"

    func validate() throws {
        guard (0...65535).contains(self.port) else { throw ValidationError("--port is from 0 to 65535") }
        guard (1...10_000).contains(self.partitions) else { throw ValidationError("--partitions is from 1 to 10000") }
        guard Logger.Level(rawValue: self.logLevel) != nil else {
            throw ValidationError("--log-level is trace, debug, info, notice, warning, error or critical")
        }
    }

    func run() async throws {
        var logger = Logger(label: "dev-broker", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = Logger.Level(rawValue: self.logLevel) ?? .warning

        let cluster = try EmbeddedCluster(logger: logger)
        let topics = TopicNames(prefix: self.prefix, partitions: self.partitions)
        for topic in Topic.allCases { try cluster.createTopic(topics[topic], partitions: self.partitions) }

        let forwarder = try await self.forwarder(to: cluster.bootstrapServers, logger: logger)
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: forwarder, serviceName: "forwarder")],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger
            )
        )
        // The note first: whoever waits for the address stops reading there.
        Output.line("dev-broker keeps everything in memory; it is for trying out, not for production")
        Output.line("listening on 127.0.0.1:\(forwarder.port)")
        try await group.run()
        withExtendedLifetime(cluster) {}
    }

    private func forwarder(to bootstrapServers: String, logger: Logger) async throws -> Forwarder {
        guard let target = Int(bootstrapServers.split(separator: ":").last ?? "") else {
            throw KafkaError(.configuration, "the mock cluster listens on \(bootstrapServers)")
        }
        do {
            return try await Forwarder(port: self.port, target: target, logger: logger)
        } catch let error as IOError where error.errnoCode == Output.addressInUse {
            Output.problem("dev-broker: port \(self.port) is in use; choose another with --port, or 0 for a free one")
            throw ExitCode(69)
        }
    }
}
