import CRdKafka

extension TopicClient {
    /// One property of each of the topics. Those that the broker does not tell, for want of a right or of the topic,
    /// are left out.
    func property(_ name: String, of topics: [String]) async throws(KafkaError) -> [String: String] {
        // The mock does not know the question.
        if self.isEmbedded || topics.isEmpty { return [:] }
        return try await self.run { client throws(KafkaError) in
            var requests: [OpaquePointer?] = []
            defer { rd_kafka_ConfigResource_destroy_array(&requests, requests.count) }
            for topic in topics { requests.append(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic)) }
            guard let queue = rd_kafka_queue_new(client.pointer) else { throw KafkaError(.broker, "no queue") }
            defer { rd_kafka_queue_destroy(queue) }
            rd_kafka_DescribeConfigs(client.pointer, &requests, requests.count, nil, queue)
            guard let event = rd_kafka_queue_poll(queue, Self.timeoutMs) else {
                throw KafkaError(RD_KAFKA_RESP_ERR__TIMED_OUT, "describe topics")
            }
            defer { rd_kafka_event_destroy(event) }
            let code = rd_kafka_event_error(event)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code, "describe topics") }
            return Self.property(name, in: event)
        }
    }

    private static func property(_ name: String, in event: OpaquePointer) -> [String: String] {
        var count = 0
        guard let result = rd_kafka_event_DescribeConfigs_result(event),
            let topics = rd_kafka_DescribeConfigs_result_resources(result, &count)
        else { return [:] }
        var values: [String: String] = [:]
        for topic in UnsafeBufferPointer(start: topics, count: count) {
            guard rd_kafka_ConfigResource_error(topic) == RD_KAFKA_RESP_ERR_NO_ERROR,
                let topicName = rd_kafka_ConfigResource_name(topic)
            else { continue }
            var entryCount = 0
            let entries = rd_kafka_ConfigResource_configs(topic, &entryCount)
            for entry in UnsafeBufferPointer(start: entries, count: entryCount) {
                guard let entryName = rd_kafka_ConfigEntry_name(entry), String(cString: entryName) == name,
                    let value = rd_kafka_ConfigEntry_value(entry)
                else { continue }
                values[String(cString: topicName)] = String(cString: value)
            }
        }
        return values
    }
}
