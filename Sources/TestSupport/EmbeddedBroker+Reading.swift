package import Kafka
import Logging

extension EmbeddedBroker {
    /// All that a partition holds now.
    package func records(
        in topic: String,
        partition: Int32,
        readCommitted: Bool = true
    ) async throws -> [KafkaRecord] {
        let reader = try KafkaPartitionReader(
            KafkaTopicPartition(topic: topic, partition: partition),
            from: .edge(.beginning),
            follow: false,
            readCommitted: readCommitted,
            configuration: self.configuration(instanceID: "test-reader"),
            logger: .quiet
        )
        var records: [KafkaRecord] = []
        for try await batch in reader { records += batch }
        return records
    }
}
