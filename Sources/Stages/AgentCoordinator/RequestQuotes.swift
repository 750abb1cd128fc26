import CallEvents
import CallFlow
import Kafka
import Logging
import NIOCore
import ServiceLifecycle
import StageRuntime
import Synchronization

/// The quotes of all calls, as far as calls of the same request may still ask for them: every instance reads all of
/// results.quotes, since the calls of one request are in different partitions.
final class RequestQuotes: Service, Sendable {
    static let ready = "quotes-read"

    /// How many quotes of each partition are read back at start.
    private static let tail: Int64 = 2_000

    private let context: StageContext
    private let board = Mutex(QuoteBoard())

    init(context: StageContext) {
        self.context = context
        context.health.require(Self.ready)
    }

    /// What other calls of the request were told.
    func others(than callSid: String, requestID: String) -> [Quote] {
        self.board.withLock { $0.others(than: callSid, requestID: requestID) }
    }

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            for try await records in try self.reader(follow: false) { self.add(records) }
            self.context.health.set(Self.ready, ready: true)
            // Those in between are read twice, and count once.
            for try await records in try self.reader(follow: true) { self.add(records) }
        }
    }

    private func reader(follow: Bool) throws -> KafkaPartitionReader {
        try KafkaPartitionReader(
            self.context.topics[.resultsQuotes],
            from: .each(0..<self.context.topics.partitions, at: .tail(Self.tail)),
            follow: follow,
            configuration: self.context.kafka,
            logger: self.context.logger
        )
    }

    private func add(_ records: [KafkaRecord]) {
        self.board.withLock { board in
            for record in records {
                guard let value = record.value else { continue }
                board.add(json: String(buffer: value))
            }
        }
    }
}
