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

extension KafkaConfiguration {
    /// The librdkafka property that an environment variable stands for, as the Confluent images spell it:
    /// `KAFKA_FETCH_WAIT_MAX_MS` is `fetch.wait.max.ms`; `__` stands for `_`, `___` for `-`.
    /// - Returns: nil for a variable without the prefix `KAFKA_`.
    package static func property(ofVariable variable: String) -> String? {
        guard variable.hasPrefix("KAFKA_") else { return nil }
        var property = ""
        var underscores = 0
        for character in variable.dropFirst("KAFKA_".count).lowercased() + "\0" {
            if character == "_" {
                underscores += 1
                continue
            }
            property += ["", ".", "_", "-"][min(underscores, 3)]
            underscores = 0
            if character != "\0" { property.append(character) }
        }
        return property
    }

    /// The environment variable that stands for a librdkafka property.
    package static func variable(ofProperty property: String) -> String {
        "KAFKA_"
            + property.uppercased().map { character in
                switch character {
                case ".": "_"
                case "_": "__"
                case "-": "___"
                default: String(character)
                }
            }.joined()
    }
}
