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
        // All is written before any of it is sliced: writing to a buffer that has slices copies all of it.
        var contents = ByteBuffer()
        contents.reserveCapacity(self.bytes)
        for message in self.messages {
            contents.write(message.pointee.key, message.pointee.key_len)
            contents.write(message.pointee.payload, message.pointee.len)
            Self.forEachHeader(of: message) { contents.write($1, $2) }
        }
        var records: [KafkaRecord] = []
        records.reserveCapacity(self.messages.count)
        for message in self.messages {
            let content = message.pointee
            var timestampType = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
            let key = contents.slice(of: content.key, content.key_len)
            let value = contents.slice(of: content.payload, content.len)
            var headers: [KafkaHeader] = []
            Self.forEachHeader(of: message) { name, value, count in
                headers.append(KafkaHeader(name, contents.slice(of: value, count)))
            }
            records.append(
                KafkaRecord(
                    topic: topics.name(of: content.rkt),
                    partition: content.partition,
                    offset: content.offset,
                    key: key,
                    value: value,
                    headers: headers,
                    timestampMs: rd_kafka_message_timestamp(message, &timestampType)
                )
            )
        }
        return records
    }

    private static func forEachHeader(
        of message: UnsafeMutablePointer<rd_kafka_message_t>,
        _ body: (_ name: String, _ value: UnsafeRawPointer?, _ count: Int) -> Void
    ) {
        var list: OpaquePointer?
        guard rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR else { return }
        var name: UnsafePointer<CChar>?
        var value: UnsafeRawPointer?
        var count = 0
        var index = 0
        while rd_kafka_header_get_all(list, index, &name, &value, &count) == RD_KAFKA_RESP_ERR_NO_ERROR {
            body(name.map { String(cString: $0) } ?? "", value, count)
            index += 1
        }
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
    fileprivate mutating func write(_ bytes: UnsafeRawPointer?, _ count: Int) {
        guard let bytes else { return }
        self.writeBytes(UnsafeRawBufferPointer(start: bytes, count: count))
    }

    /// Takes the next so many bytes, written from there; nil for a null pointer.
    fileprivate mutating func slice(of bytes: UnsafeRawPointer?, _ count: Int) -> ByteBuffer? {
        bytes == nil ? nil : self.readSlice(length: count)
    }
}
