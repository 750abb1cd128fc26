import Kafka
import Logging
import NIOCore

/// One call's records in a partition, from an offset to what was the partition's end when reading began, one by one.
final class CallRecords {
    private let key: ByteBuffer
    private var iterator: KafkaPartitionReader.AsyncIterator
    private var batch: ArraySlice<KafkaRecord> = []
    /// Behind the records dealt with, of other calls too.
    private(set) var nextOffset: Int64

    /// - Throws: `KafkaError` with code `configuration`.
    init(
        _ partition: KafkaTopicPartition,
        from offset: Int64,
        key: ByteBuffer,
        readCommitted: Bool,
        configuration: KafkaConfiguration,
        logger: Logger
    ) throws {
        let reader = try KafkaPartitionReader(
            partition,
            from: .offset(offset),
            follow: false,
            readCommitted: readCommitted,
            configuration: configuration,
            logger: logger
        )
        self.key = key
        self.nextOffset = offset
        self.iterator = reader.makeAsyncIterator()
    }

    /// The next record of the call, which stays the next one until `advance`.
    /// - Parameter limitMs: Unix milliseconds; nothing is read from the first record on, of whatever call, that is younger.
    func peek(notAfterMs limitMs: Int64?) async throws -> KafkaRecord? {
        while true {
            while let record = self.batch.first {
                if let limitMs, record.timestampMs > limitMs { return nil }
                if record.key == self.key { return record }
                self.advance()
            }
            guard let batch = try await self.iterator.next() else { return nil }
            self.batch = batch[...]
        }
    }

    /// The record is dealt with.
    func advance() {
        if let record = self.batch.popFirst() { self.nextOffset = record.offset + 1 }
    }
}
