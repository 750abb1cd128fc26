import Foundation
import Kafka
import Logging
import NIOCore

/// Through `KafkaProducer` and `KafkaConsumer`.
struct WrappedLoop {
    var topic: String
    var configuration: KafkaConfiguration
    var logger: Logger

    func run(_ load: Load) async throws -> Round {
        let producer = try KafkaProducer(.audio, configuration: self.configuration, logger: self.logger)
        let consumer = try KafkaConsumer(
            .init(group: self.topic, topics: [self.topic], readCommitted: true),
            configuration: self.configuration,
            logger: self.logger
        )
        var round = Round(load)
        for try await event in consumer {
            switch event {
            case .assigned: self.produce(load, with: producer)
            case .revoked, .lost: continue
            case .records(let records):
                for record in records {
                    guard let value = record.value,
                        let time: UInt64 = value.getInteger(at: value.readerIndex, endianness: .host)
                    else {
                        continue
                    }
                    round.receive(producedAt: time)
                }
                // As a stage does: the offset once a batch.
                if let last = records.last {
                    consumer.store(last.offset + 1, for: .init(topic: last.topic, partition: last.partition))
                }
            }
            if round.isComplete { break }
        }
        return round
    }

    private func produce(_ load: Load, with producer: KafkaProducer) {
        let topic = self.topic
        Thread.detachNewThread {
            load.produce { bytes, key in
                let message = KafkaMessage(
                    topic: topic,
                    key: ByteBuffer(string: "CA\(key)"),
                    value: ByteBuffer(bytes: bytes)
                )
                _ = try? producer.send(message)
            }
        }
    }
}
