import CallEvents
import Kafka
import Logging

/// What every stage is configured with.
///
/// ## Environment
/// - Those of `BrokerConfiguration` and `AudioRetention`.
/// - `LOG_LEVEL`, `LOG_FORMAT`, `ADMIN_HOST`, `ADMIN_PORT`.
struct CommonConfiguration: Sendable {
    var kafka: KafkaConfiguration
    var topics: TopicNames
    var audioRetention: AudioRetention
    var logLevel: Logger.Level
    var logFormat: LogFormat
    var adminHost: String
    var adminPort: Int

    init(_ settings: inout Settings, adminPort: Int) {
        let broker = BrokerConfiguration(&settings)
        self.kafka = broker.kafka
        self.topics = broker.topics
        self.audioRetention = AudioRetention(&settings)
        self.logLevel = settings.choice("LOG_LEVEL", default: Logger.Level.info, "What is logged, to standard error.")
        self.logFormat = settings.choice("LOG_FORMAT", default: LogFormat.text, "How it is logged.")
        self.adminHost = settings.string("ADMIN_HOST", default: "0.0.0.0", "Address of the admin server.")
        self.adminPort = settings.int(
            "ADMIN_PORT",
            default: adminPort,
            in: 0...65_535,
            "Port of /healthz, /readyz and /metrics; 0 takes a free one."
        )
    }
}
