package import Logging

/// Reads one partition, or several of one topic, outside any group; commits nothing.
///
/// Several are read with one client: the records of each come in order, those of different ones as they arrive.
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
    package convenience init(
        _ partition: KafkaTopicPartition,
        from position: KafkaPosition,
        follow: Bool = true,
        readCommitted: Bool = true,
        configuration: KafkaConfiguration,
        logger: Logger
    ) throws {
        try self.init(
            partition.topic,
            from: [partition.partition: position],
            follow: follow,
            readCommitted: readCommitted,
            configuration: configuration,
            logger: logger
        )
    }

    /// - Parameters:
    ///   - positions: where each partition that is read begins. An offset that is out of range, or becomes so, is
    ///     replaced by the partition's beginning; by its end when all are read from their end.
    ///   - follow: true waits for more at the end; false ends the sequence when each partition is read up to what was
    ///     its end when reading began (with `readCommitted`: the end of what was committed).
    /// - Throws: `KafkaError` with code `configuration`.
    package init(
        _ topic: String,
        from positions: [Int32: KafkaPosition],
        follow: Bool = true,
        readCommitted: Bool = true,
        configuration: KafkaConfiguration,
        logger: Logger
    ) throws {
        let loop = try ReaderLoop(
            topic,
            from: positions,
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

    /// Returns when all positions are fixed, so that everything produced from then on will be read.
    /// - Throws: `KafkaError` when the broker does not answer before `timeout`.
    package func positioned(timeout: Duration) async throws {
        let loop = self.loop
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await loop.positioned.wait() }
            group.addTask {
                try await Task.sleep(for: timeout)
                throw KafkaError(.timedOut, "\(loop.name) was not positioned within \(timeout)")
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let reader: KafkaPartitionReader

        /// - Throws: `KafkaError` when a partition cannot be read.
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
