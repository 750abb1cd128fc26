import CRdKafka
import Foundation
import Kafka

/// librdkafka by itself: a thread that produces, one that serves delivery reports, one that polls, and nothing else.
struct PlainLoop {
    var topic: String
    var configuration: KafkaConfiguration

    func run(_ load: Load) async throws -> Round {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try self.consume(load) })
            }
        }
    }

    private func consume(_ load: Load) throws -> Round {
        var properties = [
            "group.id": self.topic, "auto.offset.reset": "earliest", "session.timeout.ms": "6000",
            "heartbeat.interval.ms": "500", "isolation.level": "read_committed", "auto.commit.interval.ms": "1000",
            "partition.assignment.strategy": "cooperative-sticky",
        ]
        if self.configuration.profile == .embedded {
            properties.merge(["session.timeout.ms": "4000", "fetch.wait.max.ms": "5"]) { $1 }
        }
        let consumer = try self.client(RD_KAFKA_CONSUMER, properties)
        defer { rd_kafka_destroy(consumer) }
        rd_kafka_poll_set_consumer(consumer)
        let topics = rd_kafka_topic_partition_list_new(1)
        defer { rd_kafka_topic_partition_list_destroy(topics) }
        rd_kafka_topic_partition_list_add(topics, self.topic, RD_KAFKA_PARTITION_UA)
        rd_kafka_subscribe(consumer, topics)
        // The wrapper's loop starts to produce at its assignment, too.
        while !self.isAssigned(consumer) {
            if let message = rd_kafka_consumer_poll(consumer, 100) { rd_kafka_message_destroy(message) }
        }
        self.produce(load)
        var round = Round(load)
        while !round.isComplete {
            guard let message = rd_kafka_consumer_poll(consumer, 1_000) else { continue }
            if message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR, let payload = message.pointee.payload {
                round.receive(producedAt: UnsafeRawPointer(payload).loadUnaligned(as: UInt64.self))
            }
            rd_kafka_message_destroy(message)
        }
        rd_kafka_consumer_close(consumer)
        return round
    }

    private func isAssigned(_ consumer: OpaquePointer) -> Bool {
        var list: UnsafeMutablePointer<rd_kafka_topic_partition_list_t>?
        guard rd_kafka_assignment(consumer, &list) == RD_KAFKA_RESP_ERR_NO_ERROR, let list else { return false }
        defer { rd_kafka_topic_partition_list_destroy(list) }
        return list.pointee.cnt > 0
    }

    private func produce(_ load: Load) {
        Thread.detachNewThread {
            guard
                let producer = try? self.client(
                    RD_KAFKA_PRODUCER,
                    ["acks": "1", "linger.ms": "0", "partitioner": "murmur2_random"]
                )
            else { return }
            let handle = Client(pointer: producer)
            let reports = Thread {
                while !Thread.current.isCancelled { rd_kafka_poll(handle.pointer, 100) }
                rd_kafka_flush(handle.pointer, 5_000)
                rd_kafka_destroy(handle.pointer)
            }
            reports.start()
            let topic = rd_kafka_topic_new(producer, self.topic, nil)
            load.produce { value, key in
                var key = Array("CA\(key)".utf8)
                rd_kafka_produce(
                    topic,
                    RD_KAFKA_PARTITION_UA,
                    RD_KAFKA_MSG_F_COPY,
                    UnsafeMutableRawPointer(mutating: value.baseAddress),
                    value.count,
                    &key,
                    key.count,
                    nil
                )
            }
            rd_kafka_topic_destroy(topic)
            reports.cancel()
        }
    }

    /// Handed from the thread that makes it to the one that polls it.
    private struct Client: @unchecked Sendable {
        let pointer: OpaquePointer
    }

    private func client(_ type: rd_kafka_type_t, _ properties: [String: String]) throws -> OpaquePointer {
        let conf = rd_kafka_conf_new()
        var reason = [CChar](repeating: 0, count: 512)
        let common = ["bootstrap.servers": self.configuration.bootstrapServers, "socket.nagle.disable": "true"]
        let own = common.merging(properties) { $1 }
        for (name, value) in own.merging(self.configuration.properties, uniquingKeysWith: { $1 }) {
            guard rd_kafka_conf_set(conf, name, value, &reason, reason.count) == RD_KAFKA_CONF_OK else {
                rd_kafka_conf_destroy(conf)
                throw KafkaError(.configuration, name)
            }
        }
        if type == RD_KAFKA_PRODUCER { rd_kafka_conf_set_dr_msg_cb(conf) { _, _, _ in } }
        guard let client = rd_kafka_new(type, conf, &reason, reason.count) else {
            rd_kafka_conf_destroy(conf)
            throw KafkaError(.configuration, "librdkafka made no client")
        }
        return client
    }
}
