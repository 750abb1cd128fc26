import CallEvents
import Foundation
import GRDB
import ResultsStore
import SwiftProtobuf
import Testing

@Suite(.timeLimit(.minutes(1))) struct SQLiteStoreTests {
    private static let sid = "CA0123456789abcdef0123456789abcdef"

    private func call(at offset: Int64, status: String = "in-progress", texts: [String] = []) -> CallState {
        .with {
            $0.callSid = Self.sid
            $0.appliedOffset = offset
            $0.status = status
            $0.agent = "main_concierge"
            $0.request.businessName = "Test Business"
            $0.requestedAtUs = 1
            $0.usage.outputAudioTokens = UInt64(max(offset, 0))
            $0.conversation = texts.map { text in
                .with {
                    $0.utterance.itemID = "item-\(text)"
                    $0.utterance.speaker = text.hasPrefix("a") ? .agent : .person
                    $0.utterance.text = text
                }
            }
        }
    }

    private func quote(_ price: String) -> Quote {
        .with {
            $0.quoteID = "\(Self.sid).c1"
            $0.callSid = Self.sid
            $0.price = price
            $0.currency = "USD"
        }
    }

    @Test func `what is written is read, and offsets with it`() async throws {
        try await withFile { url in
            let store = try SQLiteStore(url)
            #expect(try await store.positions().isEmpty)
            #expect(try await store.call(Self.sid) == nil)
            let events = ResultsPosition(topic: "events", partition: 3)
            let quotes = ResultsPosition(topic: "results.quotes", partition: 3)
            try await store.write(
                ResultsBatch(
                    calls: [self.call(at: 7, texts: ["p1", "a1"])],
                    quotes: [(self.quote("45.00"), 0)],
                    positions: [events: 8, quotes: 1]
                )
            )
            let record = try #require(try await store.call(Self.sid))
            #expect(record.businessName == "Test Business")
            #expect(record.transcript.map(\.text) == ["p1", "a1"])
            #expect(record.transcript.map(\.speaker) == [.person, .agent])
            #expect(record.quotes == [self.quote("45.00")])
            #expect(record.usage.outputAudioTokens == 7)
            #expect(try await store.positions() == [events: 8, quotes: 1])
            #expect(
                try await store.states(of: [Self.sid, "CAx"]) == [Self.sid: self.call(at: 7, texts: ["p1", "a1"])]
            )
        }
    }

    @Test func `a row is replaced by a higher event offset only`() async throws {
        try await withFile { url in
            let store = try SQLiteStore(url)
            let newer = ResultsBatch(calls: [self.call(at: 7, status: "completed")], quotes: [(self.quote("45.00"), 4)])
            let older = ResultsBatch(calls: [self.call(at: 5, status: "ringing")], quotes: [(self.quote("1.00"), 2)])
            let last = ResultsBatch(calls: [self.call(at: 9, status: "failed")], quotes: [(self.quote("50.00"), 6)])
            try await store.write(newer)
            let before = try await store.call(Self.sid)
            try await store.write(older)
            try await store.write(newer)
            #expect(try await store.call(Self.sid) == before)
            try await store.write(last)
            #expect(try await store.call(Self.sid)?.status == "failed")
            #expect(try await store.call(Self.sid)?.quotes.map(\.price) == ["50.00"])
        }
    }

    @Test func `an utterance that comes late moves the others behind it`() async throws {
        try await withFile { url in
            let store = try SQLiteStore(url)
            try await store.write(ResultsBatch(calls: [self.call(at: 1, texts: ["p1", "a1"])]))
            try await store.write(ResultsBatch(calls: [self.call(at: 2, texts: ["p0", "p1", "a0", "a1"])]))
            #expect(try await store.call(Self.sid)?.transcript.map(\.text) == ["p0", "p1", "a0", "a1"])
        }
    }

    @Test func `what is no more in the state stays in its place`() async throws {
        try await withFile { url in
            let store = try SQLiteStore(url)
            try await store.write(ResultsBatch(calls: [self.call(at: 7, texts: ["p1", "a1", "p2", "a2"])]))
            var later = self.call(at: 8, texts: ["p2", "a2", "p3"])
            later.conversation[0].droppedBefore = 2
            try await store.write(ResultsBatch(calls: [later]))
            var last = self.call(at: 9, texts: ["a2", "p3", "a3"])
            last.conversation[0].droppedBefore = 3
            try await store.write(ResultsBatch(calls: [last]))
            let record = try #require(try await store.call(Self.sid))
            #expect(record.transcript.map(\.text) == ["p1", "a1", "p2", "a2", "p3", "a3"])
        }
    }

    @Test func `tool calls and handoffs have rows of their own`() async throws {
        try await withFile { url in
            let store = try SQLiteStore(url)
            var call = self.call(at: 1)
            call.conversation = [
                .with {
                    $0.tool.call.toolCallID = "c1"
                    $0.tool.call.name = "extract_quote"
                    $0.tool.call.arguments = "{}"
                }
            ]
            call.handoffs = [.with { $0.toAgent = "order_placer" }]
            try await store.write(ResultsBatch(calls: [call]))
            call.appliedOffset = 2
            call.conversation[0].tool.completed = true
            try await store.write(ResultsBatch(calls: [call]))
            let row = try await DatabaseQueue(path: url.path).read { db in
                let sql =
                    "SELECT tool_call_id || ' ' || name || ' ' || completed || ' ' || event_offset FROM tool_calls"
                return try String.fetchOne(db, sql: sql)
            }
            #expect(row == "c1 extract_quote 1 2")
            #expect(try await store.call(Self.sid)?.handoffs == call.handoffs)
        }
    }

    @Test func `a batch that fails leaves nothing, not even its offsets`() async throws {
        try await withFile { url in
            let store = try SQLiteStore(url, busyTimeout: 0.05)
            let batch = ResultsBatch(
                calls: [self.call(at: 1)],
                positions: [ResultsPosition(topic: "events", partition: 0): 2]
            )
            var configuration = Configuration()
            configuration.allowsUnsafeTransactions = true
            let other = try DatabaseQueue(path: url.path, configuration: configuration)
            try await other.writeWithoutTransaction { db in try db.execute(sql: "BEGIN IMMEDIATE") }
            await #expect(throws: (any Error).self) { try await store.write(batch) }
            #expect(try await store.call(Self.sid) == nil)
            #expect(try await store.positions().isEmpty)
            try await other.writeWithoutTransaction { db in try db.execute(sql: "COMMIT") }
            try await store.write(batch)
            #expect(try await store.call(Self.sid) != nil)
        }
    }

    @Test func `opening again finds everything`() async throws {
        try await withFile { url in
            let position = ResultsPosition(topic: "events", partition: 0)
            let first = try SQLiteStore(url)
            try await first.write(ResultsBatch(calls: [self.call(at: 1, texts: ["p1"])], positions: [position: 2]))
            let second = try SQLiteStore(url)
            #expect(try await second.positions() == [position: 2])
            #expect(try await second.call(Self.sid)?.transcript.map(\.text) == ["p1"])
        }
    }

    @Test func `a file that cannot be opened is said so`() {
        #expect {
            try SQLiteStore(DatabaseURL("sqlite:////nonexistent/directory/x.sqlite"))
        } throws: { error in
            (error as? ResultsStoreError)?.code == .unavailable
        }
    }

    @Test(arguments: [
        ("sqlite:///./lifehub-voice.sqlite", "./lifehub-voice.sqlite"),
        ("sqlite:////var/lib/x.sqlite", "/var/lib/x.sqlite"),
    ])
    func `a database URL names a file`(_ text: String, path: String) throws {
        #expect(try DatabaseURL(text).path == path)
    }

    @Test(arguments: [
        "", "sqlite:///", "sqlite://x", "postgresql://user:secret@host/db", "/tmp/x", "sqlite:///x?mode=ro",
    ])
    func `any other database URL is refused with the form that works`(_ text: String) {
        #expect {
            try DatabaseURL(text)
        } throws: { error in
            guard let error = error as? ResultsStoreError else { return false }
            return error.code == .badURL && error.message.contains("sqlite:///") && !error.message.contains("secret")
        }
    }

    private func withFile(_ body: (DatabaseURL) async throws -> Void) async throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "store-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: directory) }
        try await body(DatabaseURL("sqlite:///\(directory.path)/results.sqlite"))
    }
}
