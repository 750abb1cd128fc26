/// How to reach and treat the broker, shared by every client of a stage.
package struct KafkaConfiguration: Sendable {
    /// Which broker the settings are made for: `VOICE_KAFKA_PROFILE`.
    package enum Profile: String, Sendable, CaseIterable {
        /// Apache Kafka 3.x/4.x, managed or not.
        case kafka
        /// The in-memory `dev-broker`, whose limits need other settings (README, "The embedded broker").
        case embedded
    }

    /// `host:port`, comma separated.
    package var bootstrapServers: String
    package var profile: Profile
    /// Prefix of `client.id`, and `group.instance.id` of consumers: `VOICE_INSTANCE_ID`.
    package var instanceID: String
    /// librdkafka properties from `KAFKA_*`; they win over what the profile and the client kinds set.
    package var properties: [String: String]

    package init(
        bootstrapServers: String = "localhost:9092",
        profile: Profile = .kafka,
        instanceID: String,
        properties: [String: String] = [:]
    ) {
        self.bootstrapServers = bootstrapServers
        self.profile = profile
        self.instanceID = instanceID
        self.properties = properties
    }
}
