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

    /// Makes the stage's services, in the order in which they depend on each other: producers first, servers last.
    static func services(_ configuration: Configuration, context: StageContext) throws -> [any Service]
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
    /// The stage's consumer group: another topic prefix is another deployment.
    package var group: String { self.topics.prefix + self.stage }

    package init(
        stage: String,
        instanceID: String,
        topics: TopicNames,
        kafka: KafkaConfiguration,
        logger: Logger,
        health: Health
    ) {
        self.stage = stage
        self.instanceID = instanceID
        self.topics = topics
        self.kafka = kafka
        self.logger = logger
        self.health = health
    }
}
