package import CallEvents
package import Kafka
package import Logging
package import ServiceLifecycle

/// One of the five stages: what `StageMain` needs to run it as a process, and a test to run it inside one.
package protocol Stage: SendableMetatype {
    associatedtype Configuration: Sendable

    /// The executable's name, such as `twilio-ingress`.
    static var name: String { get }
    /// Default of `ADMIN_PORT`.
    static var adminPort: Int { get }
    /// One line for `--help`.
    static var summary: String { get }

    static func configure(_ settings: inout Settings) -> Configuration

    /// How long the stage may go on with what it has after it was told to stop; by default not at all.
    static func drainLimit(_ configuration: Configuration) -> Duration

    /// Makes the stage's services, in the order in which they depend on each other: producers first, servers last.
    static func services(_ configuration: Configuration, context: StageContext) throws -> [any Service]
}

extension Stage {
    package static func drainLimit(_ configuration: Configuration) -> Duration { .zero }
}

/// What every stage is given.
package struct StageContext: Sendable {
    /// The stage's name.
    package var stage: String
    package var instanceID: String
    package var topics: TopicNames
    package var kafka: KafkaConfiguration
    package var logger: Logger
    package var health: Health
    /// Ends a drain.
    package var stopNow: StopNow
    /// The stage's consumer group: another topic prefix is another deployment.
    package var group: String

    package init(
        stage: String,
        instanceID: String,
        topics: TopicNames,
        kafka: KafkaConfiguration,
        logger: Logger,
        health: Health,
        stopNow: StopNow = StopNow()
    ) {
        self.stage = stage
        self.group = topics.prefix + stage
        self.instanceID = instanceID
        self.topics = topics
        self.kafka = kafka
        self.logger = logger
        self.health = health
        self.stopNow = stopNow
    }
}
