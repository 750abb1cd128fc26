import CRdKafka
import NIOCore

extension RdKafkaHandle {
    /// Copies a record into librdkafka's queue.
    /// - Parameter opaque: comes back in the delivery report, when the answer is `NO_ERROR`.
    /// - Throws: `KafkaError` when the topic's name is refused.
    func enqueue(
        _ message: KafkaMessage,
        opaque: UnsafeMutableRawPointer?
    ) throws(KafkaError) -> rd_kafka_resp_err_t {
        let topic = try self.topic(message.topic)
        let partition = message.partition ?? RD_KAFKA_PARTITION_UA
        return message.key.withPointer { key, keyCount in
            message.value.withPointer { value, valueCount in
                if message.headers.isEmpty {
                    let result = rd_kafka_produce(
                        topic.pointer,
                        partition,
                        RD_KAFKA_MSG_F_COPY,
                        UnsafeMutableRawPointer(mutating: value),
                        valueCount,
                        key,
                        keyCount,
                        opaque
                    )
                    return result == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error()
                }
                var fields = ProduceFields()
                fields.append(RD_KAFKA_VTYPE_RKT) { $0.rkt = topic.pointer }
                fields.append(RD_KAFKA_VTYPE_PARTITION) { $0.i32 = partition }
                fields.append(RD_KAFKA_VTYPE_MSGFLAGS) { $0.i = RD_KAFKA_MSG_F_COPY }
                fields.append(RD_KAFKA_VTYPE_KEY) { $0.mem = .init(key, keyCount) }
                fields.append(RD_KAFKA_VTYPE_VALUE) { $0.mem = .init(value, valueCount) }
                fields.append(RD_KAFKA_VTYPE_OPAQUE) { $0.ptr = opaque }
                return fields.produce(with: message.headers, on: self.pointer)
            }
        }
    }
}

/// The arguments of `rd_kafka_produceva`: the variadic `rd_kafka_producev` is not visible to Swift.
private struct ProduceFields {
    typealias Value = rd_kafka_vu_t.__Unnamed_union_u

    private var fields: [rd_kafka_vu_t] = []

    init() {
        self.fields.reserveCapacity(7)
    }

    mutating func append(_ type: rd_kafka_vtype_t, _ set: (inout Value) -> Void) {
        var field = rd_kafka_vu_t()
        field.vtype = type
        set(&field.u)
        self.fields.append(field)
    }

    mutating func produce(with headers: [KafkaHeader], on client: OpaquePointer) -> rd_kafka_resp_err_t {
        let list = rd_kafka_headers_new(headers.count)
        for header in headers {
            header.value.withPointer { value, count in
                _ = rd_kafka_header_add(list, header.name, -1, value, count)
            }
        }
        self.append(RD_KAFKA_VTYPE_HEADERS) { $0.headers = list }
        guard let error = rd_kafka_produceva(client, self.fields, self.fields.count) else {
            return RD_KAFKA_RESP_ERR_NO_ERROR  // and the headers belong to librdkafka now
        }
        defer { rd_kafka_error_destroy(error) }
        rd_kafka_headers_destroy(list)
        return rd_kafka_error_code(error)
    }
}

extension rd_kafka_vu_t.__Unnamed_union_u.__Unnamed_struct_mem {
    fileprivate init(_ pointer: UnsafeRawPointer?, _ count: Int) {
        self.init(ptr: UnsafeMutableRawPointer(mutating: pointer), size: count)
    }
}

extension ByteBuffer? {
    /// Null stands for no value; an empty one has a pointer.
    fileprivate func withPointer<Result>(_ body: (UnsafeRawPointer?, Int) -> Result) -> Result {
        switch self {
        case .none: body(nil, 0)
        case .some(let buffer): buffer.withPointer(body)
        }
    }
}

extension ByteBuffer {
    fileprivate func withPointer<Result>(_ body: (UnsafeRawPointer?, Int) -> Result) -> Result {
        if self.readableBytes == 0 {
            return withUnsafeBytes(of: 0 as UInt8) { body($0.baseAddress, 0) }
        }
        return self.withUnsafeReadableBytes { body($0.baseAddress, $0.count) }
    }
}
