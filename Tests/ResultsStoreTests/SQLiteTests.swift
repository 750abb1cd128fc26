import CallEvents
import CallFlow
import Foundation
import GRDB
import ResultsStore
import SwiftProtobuf
import TestSupport
import Testing

/// What only a file can do.
@Suite(.timeLimit(.minutes(1))) struct SQLiteTests {
    @Test func `a batch that fails leaves nothing, not even its offsets`() async throws {
        try await Engine.sqlite.withDatabase { url in
            let store = try DatabaseStore(url, busyTimeout: 0.05)
            #expect(try await store.positions().isEmpty)
            var folding = Folding()
            folding.add(.requested())
            let batch = folding.take()
            var configuration = Configuration()
            configuration.allowsUnsafeTransactions = true
            let other = try DatabaseQueue(path: Self.path(of: url), configuration: configuration)
            try await other.writeWithoutTransaction { db in try db.execute(sql: "BEGIN IMMEDIATE") }
            await #expect {
                try await store.write(batch)
            } throws: { error in
                (error as? ResultsStoreError)?.code == .unavailable
            }
            #expect(try await store.history(of: Folding.sid(1)) == nil)
            #expect(try await store.positions().isEmpty)
            try await other.writeWithoutTransaction { db in try db.execute(sql: "COMMIT") }
            try await store.write(batch)
            #expect(try await store.history(of: Folding.sid(1)) != nil)
        }
    }

    @Test func `a file that cannot be opened is said so`() {
        #expect {
            try DatabaseStore(DatabaseURL("sqlite:////nonexistent/directory/x.sqlite"))
        } throws: { error in
            (error as? ResultsStoreError)?.code == .unavailable
        }
    }

    @Test func `a file of version 1 keeps all it has, and what its states have to tell`() async throws {
        try await Engine.sqlite.withDatabase { url in
            let state = CallState.with {
                $0.callSid = Folding.sid(1)
                $0.appliedOffset = 9
                $0.request.businessName = "Test Business"
                $0.status = "completed"
                $0.requestedAtUs = 1
                $0.answeredAtUs = 2
                $0.endedAtUs = 3
                $0.answeredBy = "human"
                $0.outcome = "success"
                $0.turns = [.with { $0.responseID = "r1" }]
                $0.conversation = [
                    .with {
                        $0.droppedBefore = 1
                        $0.utterance.itemID = "a1"
                        $0.utterance.speaker = .agent
                        $0.utterance.text = "Good day to you."
                        $0.utterance.interrupted = true
                    }
                ]
            }
            try await Self.writeVersion1(state, quote: Made.quote(), to: Self.path(of: url))
            let store = try DatabaseStore(url)
            #expect(try await store.positions() == [ResultsPosition(topic: "events", partition: 3): 10])
            #expect(try await store.states(of: [state.callSid]) == [state.callSid: state])
            let history = try #require(try await store.history(of: state.callSid))
            #expect(history.call == CallRow(state, partition: -1))
            #expect(history.call.outcome == "success" && history.call.answeredBy == "human")
            // The first is in the table only.
            #expect(history.utterances.map(\.itemID) == ["p0", "a1"])
            #expect(history.utterances.map(\.heardText) == ["Hello?", ""])
            #expect(history.turns.map(\.responseID) == ["r1"])
            #expect(history.handoffs.map(\.toAgent) == ["order_placer"] && history.tools.map(\.toolCallID) == ["c1"])
            #expect(history.quotes == [Made.quote()])
            // It goes on from there.
            var next = state
            let event = CallEvent.with {
                $0.callSid = state.callSid
                $0.statusChanged.status = "completed"
            }
            _ = next.apply(event, at: 12)
            var batch = ResultsBatch()
            batch.add(CallChanges.of(event, at: 12, partition: 3, before: state, after: next))
            batch.add(next, partition: 3)
            try await store.write(batch)
            #expect(try await DatabaseStore(url).history(of: state.callSid)?.call.partition == 3)
        }
    }

    private static func path(of url: DatabaseURL) -> String {
        if case .sqlite(let path) = url { path } else { "" }
    }

    /// As version 1 did.
    private static func writeVersion1(_ state: CallState, quote: Quote, to path: String) async throws {
        let schema = try #require(
            Bundle.module.url(forResource: "version1", withExtension: "sql", subdirectory: "Fixtures")
        )
        let sql = try String(contentsOf: schema, encoding: .utf8)
        let bytes: Data = try state.serializedBytes()
        try await DatabasePool(path: path).write { db in
            try db.execute(sql: sql)
            try db.execute(
                sql: """
                    INSERT INTO calls VALUES (?, 'r', '', 'Test Business', '', '', '', '', 'completed', '', '', 1, 2, 3,
                        0, 0, 0, 0, 0, 0, 9, ?)
                    """,
                arguments: [state.callSid, bytes]
            )
            try db.execute(
                sql: """
                    INSERT INTO utterances VALUES (?, 'p0', 0, 'person', '', 'Hello?', 1, 0, 0, 5),
                        (?, 'a1', 1, 'agent', '', 'Good day to you.', 1, 0, 0, 6);
                    INSERT INTO tool_calls VALUES (?, 'c1', 0, 'extract_quote', '', '{}', 1, 1, '{}', 5);
                    INSERT INTO handoffs VALUES (?, 0, 'main_concierge', 'order_placer', '', '', 1, 5);
                    INSERT INTO kafka_offsets VALUES ('events', 3, 10);
                    """,
                arguments: [state.callSid, state.callSid, state.callSid, state.callSid]
            )
            try db.execute(
                sql: "INSERT INTO quotes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 4)",
                arguments: [
                    quote.quoteID, quote.callSid, quote.requestID, quote.businessName, quote.price, quote.currency,
                    quote.details, quote.availability, quote.agent, quote.quotedAt,
                ]
            )
        }
    }
}
