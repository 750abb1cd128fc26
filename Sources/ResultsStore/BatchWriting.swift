import CallEvents
import SwiftProtobuf

/// Writes a batch. Rows are in the order of their keys, so that two instances that write the same rows do not wait for
/// each other in a circle.
enum BatchWriting {
    static func write(_ batch: ResultsBatch, _ session: any SQLSession) throws {
        try self.write(batch.calls, CallTables.calls, session)
        try session.upsert(
            batch.states.sorted { $0.key < $1.key }.map { callSid, state in
                [.text(callSid), .integer(state.appliedOffset), .bytes(try StoredState.bytes(of: state))]
            },
            CallTables.states
        )
        try self.write(batch.utterances, CallTables.utterances, session)
        try self.write(batch.tools, CallTables.tools, session)
        try self.write(batch.handoffs, CallTables.handoffs, session)
        try self.write(batch.turns, CallTables.turns, session)
        try self.write(batch.moments, CallTables.moments, session)
        try self.write(batch.quotes, ResultTables.quotes, session)
        try self.write(batch.appointments, ResultTables.appointments, session)
        try self.write(batch.orders, ResultTables.orders, session)
        try self.write(batch.offers, ResultTables.offers, session)
        try self.write(batch.comparisons, ResultTables.comparisons, session)
        let positions = batch.positions.sorted { ($0.key.topic, $0.key.partition) < ($1.key.topic, $1.key.partition) }
        try session.upsert(
            positions.map { [.text($0.topic), .integer(Int64($0.partition)), .integer($1)] },
            CallTables.positions
        )
    }

    private static func write<Key: Comparable, Row>(
        _ rows: [Key: Row],
        _ table: Table<Row>,
        _ session: any SQLSession
    ) throws {
        let values = try rows.sorted { $0.key < $1.key }.map { try table.values(of: $0.value) }
        try session.upsert(values, table.description)
    }
}

extension SQLSession {
    fileprivate func upsert(_ rows: [[SQLValue]], _ table: TableDescription) throws {
        if !rows.isEmpty { try self.upsert(rows, into: table) }
    }
}

/// The fold of a call's events, as it is stored.
enum StoredState {
    static func bytes(of state: CallState) throws -> [UInt8] { try state.serializedBytes() }

    static func state(in bytes: [UInt8], of callSid: String) throws -> CallState {
        do {
            return try CallState(serializedBytes: bytes)
        } catch {
            throw ResultsStoreError(.corrupt, "state of call \(callSid): \(error)")
        }
    }

    static func states(of callSids: some Collection<String>, _ session: any SQLSession) throws -> [String: CallState] {
        var states: [String: CallState] = [:]
        var remaining = callSids[...]
        while !remaining.isEmpty {
            // A statement may have some hundreds of parameters, and no more on every SQLite.
            let part = remaining.prefix(500)
            remaining = remaining.dropFirst(part.count)
            let rows = try session.rows(
                "SELECT call_sid, state FROM call_states WHERE call_sid IN (\(SQLCondition.parameters(part.count)))",
                part.map { .text($0) }
            )
            for row in rows { states[try row.text(0)] = try self.state(in: row.bytes(1), of: row.text(0)) }
        }
        return states
    }
}
