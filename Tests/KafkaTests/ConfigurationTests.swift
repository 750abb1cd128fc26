import Kafka
import Logging
import TestSupport
import Testing

@Suite struct ConfigurationTests {
    @Test(arguments: [
        ("KAFKA_FETCH_WAIT_MAX_MS", "fetch.wait.max.ms"), ("KAFKA_SECURITY_PROTOCOL", "security.protocol"),
        ("KAFKA_A__B___C", "a_b-c"),
    ])
    func `a variable stands for a property, and back`(variable: String, property: String) {
        #expect(KafkaConfiguration.property(ofVariable: variable) == property)
        #expect(KafkaConfiguration.variable(ofProperty: property) == variable)
    }

    @Test func `other variables stand for none`() {
        #expect(KafkaConfiguration.property(ofVariable: "VOICE_INSTANCE_ID") == nil)
    }

    @Test func `an unknown property names its variable`() throws {
        let error = #expect(throws: KafkaError.self) {
            try KafkaProducer(
                .audio,
                configuration: .init(instanceID: "i", properties: ["fetch.wait.maximum.ms": "5"]),
                logger: .quiet
            )
        }
        #expect(error?.code == .configuration)
        #expect(error?.message == "KAFKA_FETCH_WAIT_MAXIMUM_MS: librdkafka has no property fetch.wait.maximum.ms")
    }

    @Test func `a refused value is not repeated: it may be a secret`() throws {
        let error = #expect(throws: KafkaError.self) {
            try KafkaProducer(
                .audio,
                configuration: .init(instanceID: "i", properties: ["security.protocol": "hunter2"]),
                logger: .quiet
            )
        }
        #expect(error?.message == "KAFKA_SECURITY_PROTOCOL: librdkafka refuses this value of security.protocol")
    }

    @Test(arguments: KafkaConfiguration.Profile.allCases)
    func `every kind of client can be made`(profile: KafkaConfiguration.Profile) throws {
        let configuration = KafkaConfiguration(
            bootstrapServers: "127.0.0.1:1",
            profile: profile,
            instanceID: "i",
            properties: ["sasl.mechanism": "PLAIN", "client.rack": "r", "ssl.ca.location": "probe"]
        )
        _ = try KafkaProducer(.audio, configuration: configuration, logger: .silent)
        _ = try KafkaProducer(.events, configuration: configuration, logger: .silent)
        _ = try KafkaTransactionalProducer(transactionalID: "t", configuration: configuration, logger: .silent)
        _ = try KafkaConsumer(.init(group: "g", topics: ["t"]), configuration: configuration, logger: .silent)
        _ = try KafkaPartitionReader(
            .init(topic: "t", partition: 0),
            from: .edge(.end),
            configuration: configuration,
            logger: .silent
        )
    }
}

extension Logger {
    /// Where errors are what is expected.
    static let silent = Logger(label: "silent", factory: { _ in SwiftLogNoOpLogHandler() })
}
