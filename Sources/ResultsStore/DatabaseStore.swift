package import CallEvents
import Synchronization

/// The store in a database. Opening it does not yet need the database, unless it is a file: what is asked of it while it
/// is away fails with `unavailable`, and succeeds when it is back.
package final class DatabaseStore: ResultsStore {
    private let engine: any SQLEngine
    /// The schema is known to be up to date.
    private let isCurrent = Mutex(false)

    /// - Parameter busyTimeout: of a file: how long a write waits for another process's lock, in seconds.
    /// - Throws: `ResultsStoreError` with code `unavailable` when a file cannot be opened.
    package init(_ url: DatabaseURL, busyTimeout: Double = 2) throws {
        switch url {
        case .sqlite(let path): self.engine = try SQLiteEngine(path: path, busyTimeout: busyTimeout)
        case .postgresql(let parameters): self.engine = PostgreSQLEngine(parameters)
        }
    }

    package func positions() async throws -> [ResultsPosition: Int64] {
        try await self.read { session in
            let rows = try session.rows("SELECT topic, partition, next_offset FROM kafka_offsets")
            return Dictionary(
                try rows.map { row in
                    let partition = Int32(clamping: try row.integer(1))
                    return (ResultsPosition(topic: try row.text(0), partition: partition), try row.integer(2))
                },
                uniquingKeysWith: max
            )
        }
    }

    package func states(of callSids: Set<String>) async throws -> [String: CallState] {
        if callSids.isEmpty { return [:] }
        return try await self.read { try StoredState.states(of: callSids.sorted(), $0) }
    }

    package func write(_ batch: ResultsBatch) async throws {
        try await self.migrate()
        try await self.engine.write { try BatchWriting.write(batch, $0) }
    }

    package func history(of callSid: String) async throws -> CallHistory? {
        try await self.read { try CallReading.history(of: callSid, $0) }
    }

    package func calls(_ query: CallQuery) async throws -> CallPage {
        try await self.read { try CallReading.page(query, $0) }
    }

    package func statistics(_ query: StatisticsQuery) async throws -> Statistics {
        try await self.read { try StatisticsReading.statistics(query, $0) }
    }

    package func calls(changedAfter offsets: [Int32: Int64]?, limit: Int) async throws -> [CallRow] {
        try await self.read { session in
            if let offsets { return try CallReading.changed(after: offsets, limit: limit, session) }
            return try CallReading.newest(limit: limit, session)
        }
    }

    private func read<Value: Sendable>(
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        try await self.migrate()
        return try await self.engine.read(body)
    }

    /// Brings the schema up to date, before anything else is asked.
    private func migrate() async throws {
        guard !self.isCurrent.withLock({ $0 }) else { return }
        try await self.engine.write { try Schema.migrate($0) }
        self.isCurrent.withLock { $0 = true }
    }
}
