import CRdKafka
import NIOCore

/// Messages taken from librdkafka, until they are made into records: keys, values and headers are copied into one
/// buffer for the whole batch, and each record has slices of it.
struct RecordBatch: ~Copyable {
    /// What is taken at once, at most.
    static let maximumCount = 512
    static let maximumBytes = 512 * 1024

    private var messages: [UnsafeMutablePointer<rd_kafka_message_t>] = []
    private var bytes = 0

    init() {}

    deinit {
        for message in self.messages { rd_kafka_message_destroy(message) }
    }

    var count: Int { self.messages.count }

    var isFull: Bool { self.messages.count >= Self.maximumCount || self.bytes >= Self.maximumBytes }

    /// Takes over the message, which is no error.
    mutating func append(_ message: UnsafeMutablePointer<rd_kafka_message_t>) {
        self.messages.append(message)
        self.bytes += message.pointee.len + message.pointee.key_len
    }

    consuming func records(topics: inout TopicNameCache) -> [KafkaRecord] {
        var buffer = ByteBuffer()
        buffer.reserveCapacity(self.bytes)
        var records: [KafkaRecord] = []
        records.reserveCapacity(self.messages.count)
        for message in self.messages {
            let content = message.pointee
            var timestampType = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
            records.append(
                KafkaRecord(
                    topic: topics.name(of: content.rkt),
                    partition: content.partition,
                    offset: content.offset,
                    key: buffer.slice(copying: content.key, count: content.key_len),
                    value: buffer.slice(copying: content.payload, count: content.len),
                    headers: Self.headers(of: message, into: &buffer),
                    timestampMs: rd_kafka_message_timestamp(message, &timestampType)
                )
            )
        }
        return records
    }

    private static func headers(
        of message: UnsafeMutablePointer<rd_kafka_message_t>,
        into buffer: inout ByteBuffer
    ) -> [KafkaHeader] {
        var list: OpaquePointer?
        guard rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR else { return [] }
        var headers: [KafkaHeader] = []
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var count = 0
        while rd_kafka_header_get_all(list, headers.count, &name, &value, &count) == RD_KAFKA_RESP_ERR_NO_ERROR {
            headers.append(
                KafkaHeader(name.map { String(cString: $0) } ?? "", buffer.slice(copying: value, count: count))
            )
        }
        return headers
    }
}

/// The names of topics by librdkafka's handle, so that records share one string. Used by one thread.
struct TopicNameCache {
    private var names: [OpaquePointer: String] = [:]

    mutating func name(of topic: OpaquePointer?) -> String {
        guard let topic else { return "" }
        if let name = self.names[topic] { return name }
        let name = rd_kafka_topic_name(topic).map { String(cString: $0) } ?? ""
        self.names[topic] = name
        return name
    }
}

extension ByteBuffer {
    /// Appends the bytes and gives the slice that holds them; nil for a null pointer.
    fileprivate mutating func slice(copying bytes: UnsafeRawPointer?, count: Int) -> ByteBuffer? {
        guard let bytes else { return nil }
        let start = self.writerIndex
        self.writeBytes(UnsafeRawBufferPointer(start: bytes, count: count))
        return self.getSlice(at: start, length: count)
    }
}
