package import Logging

/// Reads one partition outside any group; commits nothing.
///
/// Cancelling the reading task ends the sequence, with `CancellationError` when it does not follow: what was read is
/// then not all. A graceful shutdown does not end it: who reads in a service of its own asks for
/// `cancelWhenGracefulShutdown`.
package final class KafkaPartitionReader: AsyncSequence, Sendable {
    /// A batch: what was ready.
    package typealias Element = [KafkaRecord]

    private let loop: ReaderLoop
    private let follow: Bool

    /// - Parameters:
    ///   - follow: true waits for more at the end; false ends the sequence at what was the partition's end when
    ///     reading began (with `readCommitted`: the end of what was committed).
    /// - Throws: `KafkaError` with code `configuration`.
    package init(
        _ partition: KafkaTopicPartition,
        from position: KafkaPosition,
        follow: Bool = true,
        readCommitted: Bool = true,
        configuration: KafkaConfiguration,
        logger: Logger
    ) throws {
        var logger = logger
        logger[metadataKey: "kafka.partition"] = "\(partition)"
        let loop = try ReaderLoop(
            partition,
            from: position,
            follow: follow,
            readCommitted: readCommitted,
            configuration: configuration,
            logger: logger
        )
        self.loop = loop
        self.follow = follow
        _ = PollingThread(name: "kafka-reader") { loop.run() }
    }

    deinit {
        self.loop.handOff.abandon()
        self.loop.wakePoll()
    }

    /// Returns when the position is fixed, so that everything produced from then on will be read.
    /// - Throws: `KafkaError` when the broker does not answer before `timeout`.
    package func positioned(timeout: Duration) async throws {
        let loop = self.loop
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await loop.positioned.wait() }
            group.addTask {
                try await Task.sleep(for: timeout)
                throw KafkaError(.timedOut, "\(loop.partition) was not positioned within \(timeout)")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let reader: KafkaPartitionReader

        /// - Throws: `KafkaError` when the partition cannot be read.
        package mutating func next() async throws -> [KafkaRecord]? {
            let loop = self.reader.loop
            let records = try await withTaskCancellationHandler {
                try await loop.handOff.next()
            } onCancel: {
                if loop.handOff.stop() { loop.wakePoll() }
            }
            if records == nil, !self.reader.follow { try Task.checkCancellation() }
            return records
        }
    }

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(reader: self)
    }
}
