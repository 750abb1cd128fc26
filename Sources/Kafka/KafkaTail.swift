package import Logging

/// Follows partitions of any topics outside any group, with one client; which they are may change while it reads.
///
/// Records of one partition come in order, those of different ones as they arrive; only what is committed. Cancelling the
/// reading task ends the sequence.
package final class KafkaTail: AsyncSequence, Sendable {
    /// A batch: what was ready.
    package typealias Element = [KafkaRecord]

    private let loop: TailLoop

    /// - Throws: `KafkaError` with code `configuration`.
    package init(configuration: KafkaConfiguration, logger: Logger) throws {
        let loop = try TailLoop(configuration: configuration, logger: logger)
        self.loop = loop
        _ = PollingThread(name: "kafka-tail") { loop.run() }
    }

    deinit {
        self.loop.handOff.abandon()
        self.loop.wakePoll()
    }

    /// Follows a partition, unless it does so already. An offset that is out of range is replaced by the partition's
    /// beginning; by its end in a topic of which the first partition was begun at its end.
    package func start(_ partition: KafkaTopicPartition, at position: KafkaPosition) {
        self.loop.start(partition, at: position)
    }

    /// When this returns, nothing more will come of the partition but what the reading task has taken already. It may
    /// be started again, from anywhere.
    package func stop(_ partition: KafkaTopicPartition) async {
        await self.loop.stop(partition)
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let tail: KafkaTail

        /// - Throws: `KafkaError` when nothing can be read any more.
        package mutating func next() async throws -> [KafkaRecord]? {
            let loop = self.tail.loop
            return try await withTaskCancellationHandler {
                try await loop.handOff.next()
            } onCancel: {
                if loop.handOff.stop() { loop.wakePoll() }
            }
        }
    }

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(tail: self)
    }
}
