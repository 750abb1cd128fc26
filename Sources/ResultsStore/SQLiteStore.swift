package import CallEvents
import GRDB
import SwiftProtobuf

/// The store in one SQLite file (WAL: reading never waits for writing). Another process may read it meanwhile.
package final class SQLiteStore: ResultsStore {
    private let pool: DatabasePool

    /// Opens the file, creates it when it is missing (its directory must exist), and brings its schema up to date.
    ///
    /// - Parameter busyTimeout: how long a write waits for another process's lock, in seconds.
    /// - Throws: `ResultsStoreError` with code `unavailable`.
    package init(_ url: DatabaseURL, busyTimeout: Double = 2) throws {
        do {
            var configuration = Configuration()
            configuration.label = "results-store"
            configuration.busyMode = .timeout(busyTimeout)
            self.pool = try DatabasePool(path: url.path, configuration: configuration)
            try Schema.migrator.migrate(self.pool)
        } catch {
            throw ResultsStoreError(.unavailable, "\(url.path): \(error)")
        }
    }

    package func positions() async throws -> [ResultsPosition: Int64] {
        try await self.pool.read { db in
            let rows = try Row.fetchAll(db, sql: "SELECT topic, partition, next_offset FROM kafka_offsets")
            return Dictionary(
                rows.map { (ResultsPosition(topic: $0["topic"], partition: $0["partition"]), $0["next_offset"]) },
                uniquingKeysWith: max
            )
        }
    }

    package func states(of callSids: Set<String>) async throws -> [String: CallState] {
        try await self.pool.read { db in
            var states: [String: CallState] = [:]
            for callSid in callSids { states[callSid] = try CallRows.state(of: callSid, db) }
            return states
        }
    }

    package func write(_ batch: ResultsBatch) async throws {
        try await self.pool.write { db in
            for call in batch.calls { try CallRows.write(call, db) }
            for (quote, offset) in batch.quotes { try QuoteRows.write(quote, offset: offset, db) }
            for (position, next) in batch.positions {
                try db.execute(
                    sql: """
                        INSERT INTO kafka_offsets (topic, partition, next_offset) VALUES (?, ?, ?)
                        ON CONFLICT (topic, partition) DO UPDATE SET next_offset = excluded.next_offset
                        """,
                    arguments: [position.topic, position.partition, next]
                )
            }
        }
    }

    package func call(_ callSid: String) async throws -> CallRecord? {
        try await self.pool.read { db in
            guard var record = try CallRows.record(of: callSid, db) else { return nil }
            record.quotes = try QuoteRows.quotes(of: callSid, db)
            return record
        }
    }

    package func history(of callSid: String) async throws -> CallHistory? { throw Self.notKept }
    package func calls(_ query: CallQuery) async throws -> CallPage { throw Self.notKept }
    package func statistics(_ query: StatisticsQuery) async throws -> Statistics { throw Self.notKept }
    package func calls(changedAfter offsets: [Int32: Int64]?, limit: Int) async throws -> [CallRow] {
        throw Self.notKept
    }

    private static let notKept = ResultsStoreError(.unavailable, "this version of the schema does not keep it")
}
