import CallEvents
import CallFlow
import Foundation
import ResultsStore
import SwiftProtobuf
import TestSupport
import Testing

/// What a store keeps, on every database.
@Suite(.timeLimit(.minutes(2))) struct StoreTests {
    private static let events = ResultsPosition(topic: "events", partition: 3)

    /// A conversation with some of everything.
    private static var conversation: [CallEvent.OneOf_Body] {
        [
            .requested(), .planned(), .status("in-progress", 2), .said(.person, "p1", "Hello?"),
            .said(.agent, "a1", after: "p1", "It's \"us\" <b>calling</b>; DROP TABLE calls;--"),
            .turn("r1", firstAudioMs: 480), .cost("r1", nanodollars: 1_234_567),
            .asks("c1", "transfer_to_order_placer", #"{"reason":"to order"}"#),
            .done(
                "c1",
                "transfer_to_order_placer",
                handoff: .with {
                    $0.fromAgent = "main_concierge"
                    $0.toAgent = "order_placer"
                    $0.reason = "to order"
                    $0.atUs = 2_000_000
                }
            ),
            .dtmfReceived(.with { $0.digit = "5" }),
        ]
    }

    @Test(arguments: Engine.allCases)
    func `what is written is read, and offsets with it`(_ engine: Engine) async throws {
        try await engine.withStore { store in
            #expect(try await store.positions().isEmpty)
            #expect(try await store.history(of: Folding.sid(1)) == nil)
            var folding = Folding()
            folding.add(Self.conversation)
            try await store.write(folding.take())
            let history = try #require(try await store.history(of: Folding.sid(1)))
            let state = try #require(folding.states[Folding.sid(1)])
            #expect(history.call == CallRow(state, partition: 3))
            #expect(history.call.businessName == "Test Business" && history.call.costNanodollars == 1_234_567)
            #expect(history.call.usage.outputAudioTokens == 7 && history.call.eventOffset == 20)
            #expect(history.utterances.map(\.itemID) == ["p1", "a1"])
            #expect(history.utterances.map(\.speaker) == [.person, .agent])
            #expect(history.utterances.last?.text == "It's \"us\" <b>calling</b>; DROP TABLE calls;--")
            #expect(history.tools.map(\.name) == ["transfer_to_order_placer"])
            #expect(history.tools.first?.position == 2 && history.tools.first?.completed == true)
            #expect(history.handoffs.map(\.toAgent) == ["order_placer"] && history.handoffs.first?.atUs == 2_000_000)
            #expect(history.turns.map(\.firstAudioMs) == [480])
            #expect(history.moments.map(\.kind) == [.status, .digit] && history.moments.last?.detail == "5")
            #expect(try await store.positions() == [Self.events: 21])
            #expect(try await store.states(of: [Folding.sid(1), "CAx"]) == [Folding.sid(1): state])
        }
    }

    @Test(arguments: Engine.allCases)
    func `results of every kind are read as they were, in the order in which they came`(_ engine: Engine) async throws {
        try await engine.withStore { store in
            var folding = Folding()
            folding.add(.requested())
            folding.add(.quote(Made.quote("q2", "50.00")), at: 9)
            folding.add(.quote(Made.quote("q1")), at: 4)
            folding.add(.appointment(Made.appointment), at: 1)
            folding.add(.order(Made.order), at: 1)
            folding.add(.offer(Made.offer), at: 1)
            folding.add(.comparison(Made.comparison), at: 1)
            try await store.write(folding.take())
            let history = try #require(try await store.history(of: Folding.sid(1)))
            #expect(history.quotes == [Made.quote(), Made.quote("q2", "50.00")])
            #expect(history.appointments == [Made.appointment])
            #expect(history.orders == [Made.order])
            #expect(history.offers == [Made.offer])
            #expect(history.comparisons == [Made.comparison])
        }
    }

    @Test(arguments: Engine.allCases)
    func `a row is replaced by a higher offset only, and positions never go back`(_ engine: Engine) async throws {
        try await engine.withStore { store in
            var folding = Folding()
            folding.add([.requested(), .status("ringing", 1), .said(.agent, "a1", "Good day.")])
            folding.add(.quote(Made.quote("q1", "1.00")), at: 2)
            let older = folding.take()
            folding.add([.status("completed", 9), .speechStarted(.with { $0.interruptedItemID = "a1" })])
            folding.add(.quote(Made.quote("q1", "45.00")), at: 4)
            let newer = folding.take()
            try await store.write(older)
            try await store.write(newer)
            let before = try #require(try await store.history(of: Folding.sid(1)))
            #expect(before.call.status == "completed" && before.quotes.map(\.price) == ["45.00"])
            #expect(before.utterances.map(\.interrupted) == [true])
            let positions = try await store.positions()
            let states = try await store.states(of: [Folding.sid(1)])
            try await store.write(older)
            try await store.write(newer)
            try await store.write(older)
            #expect(try await store.history(of: Folding.sid(1)) == before)
            #expect(try await store.positions() == positions)
            #expect(try await store.states(of: [Folding.sid(1)]) == states)
        }
    }

    @Test(arguments: Engine.allCases)
    func `what comes late moves what is behind it, and what is no more in the state stays`(_ engine: Engine)
        async throws
    {
        try await engine.withStore { store in
            var folding = Folding()
            var expected: [String] = []
            for number in 0..<150 {
                let previous = number == 0 ? "" : "a\(number - 1)"
                folding.add(.said(.agent, "a\(number)", after: "p\(number)", "Well."))
                folding.add(.said(.person, "p\(number)", after: previous, "Yes?"))
                expected += ["p\(number)", "a\(number)"]
                if number % 7 == 0 { try await store.write(folding.take()) }
            }
            try await store.write(folding.take())
            #expect(folding.states[Folding.sid(1)]?.conversation.count ?? 0 < 210)
            let history = try #require(try await store.history(of: Folding.sid(1)))
            #expect(history.utterances.map(\.itemID) == expected)
            #expect(history.utterances.map(\.position) == Array(0..<300))
        }
    }

    @Test(arguments: Engine.allCases)
    func `what no database takes is refused, and nothing of its batch is written`(_ engine: Engine) async throws {
        try await engine.withStore { store in
            var folding = Folding()
            folding.add(.requested("Nul\u{0}l"))
            let refused = folding.take()
            await #expect {
                try await store.write(refused)
            } throws: { error in
                (error as? ResultsStoreError)?.code == .refused
            }
            #expect(try await store.history(of: Folding.sid(1)) == nil)
            #expect(try await store.positions().isEmpty)
            // The next is taken.
            var others = Folding()
            others.add(.requested("Übergröße 👋 \u{10FFFF}"))
            try await store.write(others.take())
            #expect(try await store.history(of: Folding.sid(1))?.call.businessName == "Übergröße 👋 \u{10FFFF}")
        }
    }

    @Test(arguments: Engine.allCases)
    func `a batch of many calls is written whole`(_ engine: Engine) async throws {
        try await engine.withStore { store in
            var folding = Folding()
            for call in 0..<600 { folding.add(Self.conversation, call: call) }
            try await store.write(folding.take())
            #expect(try await store.states(of: Set(folding.states.keys)) == folding.states)
            #expect(try await store.history(of: Folding.sid(599))?.utterances.count == 2)
        }
    }

    @Test(arguments: Engine.allCases)
    func `several instances open a new database at once, and find all in it again`(_ engine: Engine) async throws {
        try await engine.withDatabase { url in
            try await withThrowingTaskGroup { group in
                for call in 0..<6 {
                    group.addTask {
                        var folding = Folding()
                        folding.add(Self.conversation, call: call, partition: Int32(call))
                        try await DatabaseStore(url, busyTimeout: 20).write(folding.take())
                    }
                }
                try await group.waitForAll()
            }
            let again = try DatabaseStore(url)
            #expect(try await again.positions().count == 6)
            #expect(try await again.calls(CallQuery()).calls.count == 6)
        }
    }
}
