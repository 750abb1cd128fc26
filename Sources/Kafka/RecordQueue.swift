import CRdKafka

/// Where the records of the partitions that a client without a group reads arrive. `@unchecked Sendable`: librdkafka
/// locks it.
final class RecordQueue: @unchecked Sendable {
    let pointer: OpaquePointer
    /// Kept as long as the queue.
    private let handle: RdKafkaHandle

    init(on handle: RdKafkaHandle) {
        self.pointer = rd_kafka_queue_new(handle.pointer)
        self.handle = handle
    }

    deinit { rd_kafka_queue_destroy(self.pointer) }

    /// Ends a poll that waits, or the next one.
    func wake() { rd_kafka_queue_yield(self.pointer) }
}
