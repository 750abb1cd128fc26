package import CallEvents
package import Kafka
package import Logging

/// A broker inside the test process, and a deployment's topics on it.
///
/// It lives until it is released, or `stop()`. A group's first join takes 3 s, a later rebalance as much.
package struct EmbeddedBroker: Sendable {
    /// For injecting errors, delays and outages.
    package let cluster: EmbeddedCluster
    package let topics: TopicNames

    /// - Parameter prefix: of every topic of the system; `partitions` of each.
    package init(prefix: String = "voice.", partitions: Int32 = 4, logger: Logger? = nil) throws {
        self.topics = TopicNames(prefix: prefix, partitions: partitions)
        self.cluster = try EmbeddedCluster(logger: logger ?? .quiet)
        for topic in Topic.allCases {
            try self.cluster.createTopic(self.topics[topic], partitions: partitions)
        }
    }

    package var bootstrapServers: String { self.cluster.bootstrapServers }

    /// One more topic, for tests of their own.
    package func createTopic(_ name: String, partitions: Int32) throws {
        try self.cluster.createTopic(name, partitions: partitions)
    }

    /// How a client reaches this broker.
    package func configuration(
        instanceID: String = "test",
        properties: [String: String] = [:]
    ) -> KafkaConfiguration {
        KafkaConfiguration(
            bootstrapServers: self.bootstrapServers,
            profile: .embedded,
            instanceID: instanceID,
            properties: properties
        )
    }

    /// Nobody can reach it any more; what it holds goes when it is released.
    package func stop() {
        self.cluster.setReachable(false)
    }
}

extension Logger {
    /// For tests: only what loses data.
    package static var quiet: Logger {
        var logger = Logger(label: "test")
        logger.logLevel = .error
        return logger
    }
}
