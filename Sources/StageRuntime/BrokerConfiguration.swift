package import CallEvents
package import Kafka

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// The broker and the topics of a deployment, for whoever reads or writes them.
///
/// ## Environment
/// - `KAFKA_BOOTSTRAP_SERVERS`, `VOICE_KAFKA_PROFILE`, `KAFKA_*`: the broker.
/// - `VOICE_TOPIC_PREFIX`, `VOICE_TOPIC_PARTITIONS`: the topics.
/// - `VOICE_INSTANCE_ID`: this process among those of its kind.
package struct BrokerConfiguration: Sendable {
    package var kafka: KafkaConfiguration
    package var topics: TopicNames

    package init(_ settings: inout Settings) {
        let servers = settings.string(
            "KAFKA_BOOTSTRAP_SERVERS",
            default: "localhost:9092",
            "Brokers to begin with, host:port, comma separated."
        )
        let profile = settings.choice(
            "VOICE_KAFKA_PROFILE",
            default: KafkaConfiguration.Profile.kafka,
            "Settings for Apache Kafka, or those that dev-broker needs."
        )
        settings.declare(
            "KAFKA_*",
            "Any librdkafka property: KAFKA_SECURITY_PROTOCOL sets security.protocol. With _FILE, from a file."
        )
        let prefix = settings.string("VOICE_TOPIC_PREFIX", default: "voice.", "What topic names begin with.")
        let partitions = settings.int(
            "VOICE_TOPIC_PARTITIONS",
            default: 12,
            in: 1...10_000,
            "Partitions of every topic; the same in every stage."
        )
        let instance = settings.string(
            "VOICE_INSTANCE_ID",
            default: Self.hostName,
            "This process among those of its stage; the same after a restart. Host name by default."
        )
        self.kafka = KafkaConfiguration(
            bootstrapServers: servers,
            profile: profile,
            instanceID: instance,
            properties: Self.properties(&settings)
        )
        self.topics = TopicNames(prefix: prefix, partitions: Int32(partitions))
    }

    /// `KAFKA_A_B` is the property `a.b`; as in the Confluent images `__` is an underscore and `___` a dash.
    private static func properties(_ settings: inout Settings) -> [String: String] {
        var properties: [String: String] = [:]
        for (name, value) in settings.all(withPrefix: "KAFKA_").sorted(by: { $0.key < $1.key }) {
            if name == "KAFKA_BOOTSTRAP_SERVERS" { continue }
            if name.hasSuffix("_FILE") {
                let property = Self.property(String(name.dropLast("_FILE".count)))
                properties[property] = settings.contents(ofFileIn: name)
            } else {
                properties[Self.property(name)] = value
            }
        }
        return properties
    }

    private static func property(_ variable: String) -> String {
        variable.dropFirst("KAFKA_".count).lowercased()
            .replacing("___", with: "-")
            .replacing("__", with: "\u{1}")
            .replacing("_", with: ".")
            .replacing("\u{1}", with: "_")
    }

    private static var hostName: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
        let bytes = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
        return bytes.isEmpty ? "localhost" : String(decoding: bytes, as: UTF8.self)
    }
}
