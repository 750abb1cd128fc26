import Dispatch
import Synchronization

/// PostgreSQL, over one connection that writes and a few that read, so that readers never wait for a write. Connections
/// are made when they are needed, and again when they were lost.
final class PostgreSQLEngine: SQLEngine {
    private let writer: PostgreSQLLane
    private let readers: [PostgreSQLLane]
    /// How much each of `readers` has to do.
    private let waiting: Mutex<[Int]>

    init(_ parameters: PostgreSQLParameters, readers: Int = 4) {
        self.writer = PostgreSQLLane(parameters, label: "postgresql-writer")
        self.readers = (1...max(1, readers)).map { PostgreSQLLane(parameters, label: "postgresql-reader-\($0)") }
        self.waiting = Mutex(Array(repeating: 0, count: self.readers.count))
    }

    func write<Value: Sendable>(_ body: @escaping @Sendable (any SQLSession) throws -> Value) async throws -> Value {
        try await self.writer.transaction("BEGIN", body)
    }

    func read<Value: Sendable>(_ body: @escaping @Sendable (any SQLSession) throws -> Value) async throws -> Value {
        let index = self.waiting.withLock { waiting in
            let index = waiting.indices.min { waiting[$0] < waiting[$1] } ?? 0
            waiting[index] += 1
            return index
        }
        defer { self.waiting.withLock { $0[index] -= 1 } }
        return try await self.readers[index].transaction("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", body)
    }
}

/// A connection, used for one transaction after the other on a thread of the system's, off the cooperative pool.
///
/// `@unchecked Sendable`: the connection is used on the queue only.
private final class PostgreSQLLane: @unchecked Sendable {
    private let parameters: PostgreSQLParameters
    private let queue: DispatchQueue
    private var connection: PostgreSQLConnection?

    init(_ parameters: PostgreSQLParameters, label: String) {
        self.parameters = parameters
        self.queue = DispatchQueue(label: label)
    }

    func transaction<Value: Sendable>(
        _ begin: String,
        _ body: @escaping @Sendable (any SQLSession) throws -> Value
    ) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            self.queue.async { continuation.resume(with: Result { try self.run(begin, body) }) }
        }
    }

    private func run<Value>(_ begin: String, _ body: (any SQLSession) throws -> Value) throws -> Value {
        let used = try self.begun(begin) ?? self.connect(begin)
        defer { self.connection = used.isBroken ? nil : used }
        return try used.transaction(body)
    }

    /// Nil when the connection was lost while nobody used it, or there is none.
    private func begun(_ begin: String) throws -> PostgreSQLConnection? {
        guard let connection = self.connection else { return nil }
        do {
            try connection.run(begin)
            return connection
        } catch  where connection.isBroken {
            self.connection = nil
            return nil
        }
    }

    private func connect(_ begin: String) throws -> PostgreSQLConnection {
        let connection = try PostgreSQLConnection(self.parameters)
        try connection.run(begin)
        return connection
    }
}
