import CallEvents
import CallFlow
import Foundation
import ResultsStore
import SwiftProtobuf
import TestSupport
import Testing

/// What a store answers, on every database.
@Suite(.timeLimit(.minutes(2))) struct QueryTests {
    private static let dayUs: Int64 = 86_400_000_000
    private static let start: Int64 = 20_000 * dayUs

    /// Calls 1 to 6, of which the last is in progress.
    private static func fill(_ store: DatabaseStore) async throws {
        var folding = Folding()
        for call in 1...6 {
            let atUs = Self.start + Int64(call) * Self.dayUs / 2
            let business = ["", "Alpha", "100% Cafe", "ÄRZTE_Haus", "Delta", "O'Brien \\ Söhne", "Zeta"][call]
            folding.add(
                [
                    .requested(business, request: "req-\(call % 2)", wish: "Wish \(call)", category: "c\(call % 3)"),
                    .planned(), .status("in-progress", 2),
                    .said(.person, "p", "Hello?"), .turn("r", firstAudioMs: UInt32(call * 100)),
                    .cost("r", nanodollars: Int64(call) * 1000),
                    .asks("t1", "extract_quote"), .done("t1", "extract_quote", succeeded: call % 2 == 0),
                ],
                call: call,
                partition: Int32(call % 2),
                atUs: atUs
            )
            if call <= 2 {
                let handoff = Handoff.with {
                    $0.fromAgent = "main_concierge"
                    $0.toAgent = "order_placer"
                }
                folding.add(
                    [
                        .asks("t2", "transfer_to_order_placer"),
                        .done("t2", "transfer_to_order_placer", handoff: handoff),
                    ],
                    call: call,
                    partition: Int32(call % 2),
                    atUs: atUs
                )
            }
            let outcome = call <= 2 ? "success" : "refused"
            folding.add(
                [.asks("t3", "end_call", #"{"reason":"done","outcome":"\#(outcome)"}"#), .done("t3", "end_call")],
                call: call,
                partition: Int32(call % 2),
                atUs: atUs
            )
            if call == 6 { continue }
            folding.add(
                .status("completed", 9),
                call: call,
                partition: Int32(call % 2),
                atUs: atUs + Int64(call) * 10_000_000
            )
        }
        try await store.write(folding.take())
    }

    private static func listed(_ store: DatabaseStore, _ change: (inout CallQuery) -> Void) async throws -> [Int] {
        var query = CallQuery()
        change(&query)
        return try await store.calls(query).calls.map { Int($0.callSid.suffix(4), radix: 16) ?? 0 }
    }

    @Test(arguments: Engine.allCases)
    func `calls are listed, those requested last first, by what is asked for`(_ engine: Engine) async throws {
        try await engine.withStore { store in
            try await Self.fill(store)
            #expect(try await Self.listed(store) { _ in } == [6, 5, 4, 3, 2, 1])
            #expect(try await Self.listed(store) { $0.inProgress = true } == [6])
            #expect(try await Self.listed(store) { $0.inProgress = false } == [5, 4, 3, 2, 1])
            #expect(try await Self.listed(store) { $0.status = ["in-progress", "busy"] } == [6])
            #expect(try await Self.listed(store) { $0.agent = "order_placer" } == [2, 1])
            #expect(try await Self.listed(store) { $0.requestID = "req-0" } == [6, 4, 2])
            #expect(try await Self.listed(store) { $0.category = "c0" } == [6, 3])
            #expect(try await Self.listed(store) { $0.outcome = "success" } == [2, 1])
            #expect(
                try await Self.listed(store) {
                    $0.from = Self.start + Self.dayUs
                    $0.to = Self.start + 2 * Self.dayUs
                } == [3, 2]
            )
        }
    }

    @Test(
        arguments: Engine.allCases,
        [
            ("alpha", [1]), ("WISH 3", [3]), ("%", [2]), ("_", [3]), ("ärzte", [3]), ("\\", [5]), ("'", [5]),
            ("' OR 1=1 --", []), ("söhne\nwish", [5]), ("nothing", []), ("", [6, 5, 4, 3, 2, 1]),
        ] as [(String, [Int])]
    )
    func `text is found as it is, in any case`(_ engine: Engine, _ search: (text: String, calls: [Int])) async throws {
        try await engine.withStore { store in
            try await Self.fill(store)
            #expect(try await Self.listed(store) { $0.text = search.text } == search.calls)
            #expect(try await Self.listed(store) { $0.agent = "x' OR '1'='1" } == [])
        }
    }

    @Test(arguments: Engine.allCases)
    func `pages follow each other, also where times are the same`(_ engine: Engine) async throws {
        try await engine.withStore { store in
            var folding = Folding()
            for call in 1...25 { folding.add(.requested(), call: call, atUs: Int64(call / 10)) }
            try await store.write(folding.take())
            var query = CallQuery()
            query.limit = 7
            var seen: [String] = []
            var pages = 0
            repeat {
                let page = try await store.calls(query)
                seen += page.calls.map(\.callSid)
                query.after = page.next
                pages += 1
            } while query.after != nil && pages < 10
            #expect(pages == 4)
            #expect(seen == (1...25).reversed().map { Folding.sid($0) })
        }
    }

    @Test(arguments: Engine.allCases)
    func `a call without a callback is queued`(_ engine: Engine) async throws {
        try await engine.withStore { store in
            var folding = Folding()
            folding.add(.requested())
            try await store.write(folding.take())
            #expect(try await Self.listed(store) { $0.status = ["queued"] } == [1])
        }
    }

    @Test(arguments: Engine.allCases)
    func `what has changed since an offset is found by partition`(_ engine: Engine) async throws {
        try await engine.withStore { store in
            try await Self.fill(store)
            let newest = try await store.calls(changedAfter: nil, limit: 2)
            #expect(newest.map(\.callSid) == [6, 5, 4].map { Folding.sid($0) })
            let offsets = Dictionary(uniqueKeysWithValues: newest.map { ($0.callSid, $0.eventOffset) })
            let third = try #require(offsets[Folding.sid(4)])
            let changed = try await store.calls(changedAfter: [0: third - 1], limit: 10)
            #expect(changed.map(\.callSid) == [4, 6].map { Folding.sid($0) })
            #expect(try await store.calls(changedAfter: [0: third, 1: -1], limit: 1).map(\.partition) == [0, 1])
            #expect(try await store.calls(changedAfter: [:], limit: 10).isEmpty)
        }
    }

    @Test(arguments: Engine.allCases)
    func `statistics tell how calls went`(_ engine: Engine) async throws {
        try await engine.withStore { store in
            try await Self.fill(store)
            let all = StatisticsQuery(from: Self.start, to: Self.start + 10 * Self.dayUs)
            let statistics = try await store.statistics(all)
            #expect(statistics.calls == 6 && statistics.inProgress == 1 && statistics.succeeded == 2)
            #expect(statistics.byOutcome == ["success": 2, "refused": 3])
            #expect(statistics.averageDurationMs == 30_000 && statistics.medianDurationMs == 30_000)
            #expect(statistics.totalCostNanodollars == 21_000 && statistics.averageCostNanodollars == 3_500)
            #expect(statistics.firstAudioP50Ms == 300 && statistics.firstAudioP95Ms == 600)
            #expect(statistics.handoffs == [.init(from: "main_concierge", to: "order_placer", count: 2)])
            #expect(statistics.byAgent.map(\.agent) == ["main_concierge", "order_placer"])
            #expect(statistics.byAgent.map(\.calls) == [5, 2] && statistics.byAgent.map(\.succeeded) == [2, 2])
            #expect(statistics.byAgent.map(\.handoffsOut) == [2, 0] && statistics.byAgent.map(\.handoffsIn) == [0, 2])
            let quotes = try #require(statistics.byTool.first { $0.name == "extract_quote" })
            #expect(quotes.calls == 6 && quotes.succeeded == 3 && quotes.failed == 3)
            #expect(statistics.byDay.map(\.calls) == [1, 2, 2])
            #expect(statistics.byDay.first?.day == "2024-10-04" && statistics.byDay.first?.averageDurationMs == 10_000)
            let none = try await store.statistics(StatisticsQuery(from: 0, to: 1))
            #expect(none == Statistics())
        }
    }
}
