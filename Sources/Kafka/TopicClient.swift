import CRdKafka
import Logging

/// librdkafka's blocking calls about topics, one after the other.
final class TopicClient: Sendable {
    static let timeoutMs: Int32 = 5_000

    private let handle: RdKafkaHandle
    private let blocking = BlockingQueue(label: "kafka-topics")
    let isEmbedded: Bool

    init(configuration: KafkaConfiguration, logger: Logger) throws {
        self.isEmbedded = configuration.profile == .embedded
        self.handle = try RdKafkaHandle(
            RD_KAFKA_PRODUCER,
            properties: KafkaProfile.properties(for: .admin, configuration),
            userProperties: configuration.properties,
            events: ClientEvents(logger: logger, metrics: .none)
        )
    }

    /// The number of partitions of each of the topics that exists and whose partitions all have a leader.
    func partitionCounts(of topics: [String]) async throws(KafkaError) -> [String: Int32] {
        try await self.run { client throws(KafkaError) in
            // On the mock, asking for a topic by name creates it; a real broker must not do that with its default count.
            if self.isEmbedded {
                for topic in topics { _ = try self.handle.topic(topic) }
            }
            var answer: UnsafePointer<rd_kafka_metadata>?
            let code = rd_kafka_metadata(client.pointer, self.isEmbedded ? 0 : 1, nil, &answer, Self.timeoutMs)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let answer else { throw KafkaError(code, "metadata") }
            defer { rd_kafka_metadata_destroy(answer) }
            return Self.partitionCounts(in: answer.pointee, of: Set(topics))
        }
    }

    private static func partitionCounts(in metadata: rd_kafka_metadata, of topics: Set<String>) -> [String: Int32] {
        var counts: [String: Int32] = [:]
        for topic in UnsafeBufferPointer(start: metadata.topics, count: Int(metadata.topic_cnt)) {
            guard let name = topic.topic.map({ String(cString: $0) }), topics.contains(name),
                topic.err == RD_KAFKA_RESP_ERR_NO_ERROR
            else { continue }
            let partitions = UnsafeBufferPointer(start: topic.partitions, count: Int(topic.partition_cnt))
            if partitions.allSatisfy({ $0.leader >= 0 }), !partitions.isEmpty { counts[name] = topic.partition_cnt }
        }
        return counts
    }

    /// Asks the broker to create topics.
    /// - Returns: for each that was refused, why; an empty text when it exists already, or the broker cannot create.
    /// - Throws: `KafkaError` when the request as a whole failed.
    func create(_ topics: [KafkaAdmin.TopicSpecification]) async throws(KafkaError) -> [String: String] {
        if self.isEmbedded { return [:] }
        return try await self.run { client throws(KafkaError) in
            // -1: the broker's default. Brokers before 2.4 do not know it.
            var refusals = try Self.create(topics, replication: -1, on: client)
            let again = topics.filter { refusals[$0.name]?.code == RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR }
            if !again.isEmpty {
                for topic in again { refusals[topic.name] = nil }
                refusals.merge(try Self.create(again, replication: 1, on: client)) { $1 }
            }
            return refusals.mapValues { $0.code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS ? "" : $0.text }
        }
    }

    func watermarks(of partition: KafkaTopicPartition) async throws(KafkaError) -> Range<Int64> {
        try await self.run { client throws(KafkaError) in
            var low: Int64 = 0
            var high: Int64 = 0
            let code = rd_kafka_query_watermark_offsets(
                client.pointer,
                partition.topic,
                partition.partition,
                &low,
                &high,
                Self.timeoutMs
            )
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code, "\(partition)") }
            return low..<max(low, high)
        }
    }

    /// The first offset of a record that is not older than `ms` (Unix milliseconds); the partition's end when all are.
    func offset(of partition: KafkaTopicPartition, atMs ms: Int64) async throws(KafkaError) -> Int64 {
        // The mock knows no times.
        if self.isEmbedded { return try await self.watermarks(of: partition).lowerBound }
        return try await self.run { client throws(KafkaError) in
            let list = TopicPartitionList([(partition, ms)])
            let code = rd_kafka_offsets_for_times(client.pointer, list.pointer, Self.timeoutMs)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code, "\(partition)") }
            guard let answer = list.elements.first, answer.error == RD_KAFKA_RESP_ERR_NO_ERROR else {
                throw KafkaError(list.elements.first?.error ?? RD_KAFKA_RESP_ERR_UNKNOWN, "\(partition)")
            }
            return answer.offset
        }
    }

    private struct Refusal {
        var code: rd_kafka_resp_err_t
        var text: String
    }

    private static func create(
        _ topics: [KafkaAdmin.TopicSpecification],
        replication: Int32,
        on client: RdKafkaHandle
    ) throws(KafkaError) -> [String: Refusal] {
        var reason = [CChar](repeating: 0, count: 512)
        var requests: [OpaquePointer?] = []
        defer { rd_kafka_NewTopic_destroy_array(&requests, requests.count) }
        for topic in topics {
            guard
                let request = rd_kafka_NewTopic_new(
                    topic.name,
                    topic.partitions,
                    replication,
                    &reason,
                    reason.count
                )
            else { throw KafkaError(.topics, "\(topic.name): \(String(nulTerminated: reason))") }
            for (name, value) in topic.configuration { rd_kafka_NewTopic_set_config(request, name, value) }
            requests.append(request)
        }
        guard let queue = rd_kafka_queue_new(client.pointer) else { throw KafkaError(.broker, "no queue") }
        defer { rd_kafka_queue_destroy(queue) }
        rd_kafka_CreateTopics(client.pointer, &requests, requests.count, nil, queue)
        guard let event = rd_kafka_queue_poll(queue, 3 * Self.timeoutMs) else {
            throw KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT, "create topics")
        }
        defer { rd_kafka_event_destroy(event) }
        return try Self.refusals(in: event, of: topics)
    }

    private static func refusals(
        in event: OpaquePointer,
        of topics: [KafkaAdmin.TopicSpecification]
    ) throws(KafkaError) -> [String: Refusal] {
        let code = rd_kafka_event_error(event)
        if code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE {
            return Dictionary(uniqueKeysWithValues: topics.map { ($0.name, Refusal(code: code, text: "")) })
        }
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code, "create topics") }
        var count = 0
        guard let result = rd_kafka_event_CreateTopics_result(event),
            let answers = rd_kafka_CreateTopics_result_topics(result, &count)
        else { return [:] }
        var refusals: [String: Refusal] = [:]
        for answer in UnsafeBufferPointer(start: answers, count: count) {
            let code = rd_kafka_topic_result_error(answer)
            guard code != RD_KAFKA_RESP_ERR_NO_ERROR, let name = rd_kafka_topic_result_name(answer) else { continue }
            let text = rd_kafka_topic_result_error_string(answer).map { String(cString: $0) }
            refusals[String(cString: name)] = Refusal(code: code, text: text ?? KafkaError.text(of: code))
        }
        return refusals
    }

    func run<Value: Sendable>(
        _ body: @escaping @Sendable (RdKafkaHandle) throws(KafkaError) -> Value
    ) async throws(KafkaError) -> Value {
        let handle = self.handle
        let result: Result<Value, KafkaError> = await self.blocking.run {
            do throws(KafkaError) {
                return .success(try body(handle))
            } catch {
                return .failure(error)
            }
        }
        return try result.get()
    }
}
