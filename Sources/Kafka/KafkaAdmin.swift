package import Logging

/// Topics at start.
package struct KafkaAdmin: Sendable {
    package struct TopicSpecification: Sendable {
        package var name: String
        package var partitions: Int32
        /// Topic configuration such as `retention.ms` and `cleanup.policy`.
        package var configuration: [String: String]

        package init(name: String, partitions: Int32, configuration: [String: String] = [:]) {
            self.name = name
            self.partitions = partitions
            self.configuration = configuration
        }
    }

    package init(configuration: KafkaConfiguration, logger: Logger) {
    }

    /// Creates the topics that are missing (a broker that does not let us is tolerated when they exist), waits until
    /// all are known, and checks their partition counts.
    /// - Throws: `KafkaError` with code `topics` that names each topic with its count and the count expected, or
    ///   `timedOut`.
    package func ensure(_ topics: [TopicSpecification], timeout: Duration) async throws {
        fatalError("stub")
    }

    /// The offset behind the last record of a partition, and that of its first.
    package func watermarks(of partition: KafkaTopicPartition, timeout: Duration) async throws -> Range<Int64> {
        fatalError("stub")
    }
}
