import CRdKafka

/// Owns a `rd_kafka_topic_partition_list_t`.
struct TopicPartitionList: ~Copyable {
    let pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>

    init(adopting pointer: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) {
        self.pointer = pointer
    }

    init(_ offsets: some Collection<(KafkaTopicPartition, Int64)>) {
        self.init(adopting: rd_kafka_topic_partition_list_new(Int32(offsets.count)))
        for (partition, offset) in offsets {
            rd_kafka_topic_partition_list_add(self.pointer, partition.topic, partition.partition).pointee.offset =
                offset
        }
    }

    init(_ partitions: some Collection<KafkaTopicPartition>) {
        self.init(partitions.map { ($0, Int64(RD_KAFKA_OFFSET_INVALID)) })
    }

    deinit {
        rd_kafka_topic_partition_list_destroy(self.pointer)
    }

    /// What each element says, with its own error.
    var elements: [Element] { Self.elements(of: self.pointer) }

    struct Element {
        var partition: KafkaTopicPartition
        var offset: Int64
        var error: rd_kafka_resp_err_t
    }

    static func elements(of list: UnsafePointer<rd_kafka_topic_partition_list_t>) -> [Element] {
        UnsafeBufferPointer(start: list.pointee.elems, count: Int(list.pointee.cnt)).map { element in
            Element(
                partition: .init(topic: String(cString: element.topic), partition: element.partition),
                offset: element.offset,
                error: element.err
            )
        }
    }
}
