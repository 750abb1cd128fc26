package import Logging

/// Reads one partition outside any group; commits nothing.
package final class KafkaPartitionReader: AsyncSequence, Sendable {
    /// A batch: what was ready.
    package typealias Element = [KafkaRecord]

    /// - Parameters:
    ///   - follow: true waits for more at the end; false ends the sequence at what was the partition's end when
    ///     reading began.
    /// - Throws: `KafkaError` with code `configuration`.
    package init(
        _ partition: KafkaTopicPartition,
        from position: KafkaPosition,
        follow: Bool = true,
        readCommitted: Bool = true,
        configuration: KafkaConfiguration,
        logger: Logger
    ) throws {
        fatalError("stub")
    }

    /// Returns when the position is fixed, so that everything produced from then on will be read.
    /// - Throws: `KafkaError` when the broker does not answer before `timeout`.
    package func positioned(timeout: Duration) async throws {
        fatalError("stub")
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        package mutating func next() async throws -> [KafkaRecord]? {
            fatalError("stub")
        }
    }

    package func makeAsyncIterator() -> AsyncIterator {
        fatalError("stub")
    }
}
