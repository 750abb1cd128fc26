import CRdKafka

/// What went wrong with the broker or a client of it.
package struct KafkaError: Error, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// A property that librdkafka does not know, or a value it refuses.
        case configuration
        /// The local queue is full: the broker takes less than we give.
        case queueFull
        /// The record could not be delivered within `delivery.timeout.ms`.
        case deliveryFailed
        /// Another producer or consumer took over this one's identity; this client must stop.
        case fenced
        /// The transaction was aborted; consume the input again from the last commit.
        case transactionAborted
        /// Topics are missing, or have another number of partitions than configured.
        case topics
        /// The broker did not answer in time.
        case timedOut
        /// The client was closed.
        case closed
        /// Anything else librdkafka reports.
        case broker
    }

    package var code: Code
    /// What librdkafka says, or what to do.
    package var message: String
    /// librdkafka's `rd_kafka_resp_err_t`; 0 when it is ours.
    package var librdkafkaCode: Int32

    package init(_ code: Code, _ message: String, librdkafkaCode: Int32 = 0) {
        self.code = code
        self.message = message
        self.librdkafkaCode = librdkafkaCode
    }

    package var description: String { "\(self.code.rawValue): \(self.message)" }
}

extension KafkaError {
    /// What librdkafka calls `code`, sorted into our codes.
    init(_ code: rd_kafka_resp_err_t, _ context: String) {
        let ours: Code =
            switch code {
            case RD_KAFKA_RESP_ERR__QUEUE_FULL: .queueFull
            case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, RD_KAFKA_RESP_ERR_PRODUCER_FENCED, RD_KAFKA_RESP_ERR__FENCED,
                RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH:
                .fenced
            case RD_KAFKA_RESP_ERR__TIMED_OUT, RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
                RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
                .timedOut
            default: .broker
            }
        self.init(ours, "\(context): \(Self.text(of: code))", librdkafkaCode: code.rawValue)
    }

    static func text(of code: rd_kafka_resp_err_t) -> String {
        rd_kafka_err2str(code).map { String(cString: $0) } ?? "error \(code.rawValue)"
    }
}
