import CallEvents
import CallFlow
import Foundation
import ResultsStore
import TestSupport
import Testing

/// What only a server can do.
@Suite(.timeLimit(.minutes(2))) struct PostgreSQLTests {
    @Test func `a server that goes away is missed, and found again when it is back`() async throws {
        try await PostgreSQLServer.run { server in
            let store = try DatabaseStore(DatabaseURL(await server.create()))
            var folding = Folding()
            folding.add(.requested())
            try await store.write(folding.take())
            try await server.crash()
            folding.add(.status("completed", 9))
            let batch = folding.take()
            for _ in 0..<2 {
                await #expect {
                    try await store.write(batch)
                } throws: { error in
                    (error as? ResultsStoreError)?.code == .unavailable
                }
                await #expect(throws: ResultsStoreError.self) { try await store.history(of: Folding.sid(1)) }
            }
            try await server.start()
            // Connections that were lost meanwhile are nobody's business.
            #expect(try await store.history(of: Folding.sid(1))?.call.status == "")
            try await store.write(batch)
            #expect(try await store.history(of: Folding.sid(1))?.call.status == "completed")
        }
    }

    @Test func `a store that was away from the beginning is used when it is there`() async throws {
        try await PostgreSQLServer.run { server in
            let store = try DatabaseStore(DatabaseURL(server.url("later")))
            await #expect(throws: ResultsStoreError.self) { try await store.positions() }
            _ = try await server.create("later")
            #expect(try await store.positions().isEmpty)
        }
    }

    @Test func `no error tells the password`() async throws {
        try await PostgreSQLServer.run { server in
            for wrong in [
                "postgresql://voice:sesame@127.0.0.1:\(server.port)/postgres",
                "postgresql://voice:sesame@127.0.0.1:1/postgres",
                "postgresql://voice:sesame@127.0.0.1:\(server.port)/postgres?sslmode=require",
            ] {
                let store = try DatabaseStore(DatabaseURL(wrong))
                await #expect {
                    try await store.positions()
                } throws: { error in
                    guard let error = error as? ResultsStoreError else { return false }
                    return error.code == .unavailable && !"\(error)".contains("sesame")
                }
            }
        }
    }

    @Test func `what the server refuses for its size is refused`() async throws {
        try await Engine.postgresql.withStore { store in
            var folding = Folding()
            // More than fits into an index, and not to be compressed.
            let id = (0..<4000).map { _ in String(UInt32.random(in: .min ... .max), radix: 36) }.joined()
            folding.add(.said(.agent, id, "Good day."))
            let batch = folding.take()
            await #expect {
                try await store.write(batch)
            } throws: { error in
                (error as? ResultsStoreError)?.code == .refused
            }
            let positions = try await store.positions()
            #expect(positions.isEmpty)
        }
    }

    @Test func `readers do not wait for a writer, nor a writer for readers`() async throws {
        try await Engine.postgresql.withDatabase { url in
            let (first, second) = (try DatabaseStore(url), try DatabaseStore(url))
            try await withThrowingTaskGroup { group in
                for (index, store) in [first, second].enumerated() {
                    group.addTask {
                        var folding = Folding()
                        for _ in 0..<20 {
                            for call in 0..<20 {
                                folding.add([.requested(), .status("ringing", 1)], call: call + 100 * index)
                            }
                            try await store.write(folding.take())
                        }
                    }
                }
                for _ in 0..<8 {
                    group.addTask {
                        for _ in 0..<20 { _ = try await first.calls(CallQuery()) }
                    }
                }
                try await group.waitForAll()
            }
            var query = CallQuery()
            query.limit = 200
            #expect(try await second.calls(query).calls.count == 40)
        }
    }
}
