import CallEvents
import CallFlow
import Foundation
import SwiftProtobuf
import TestSupport
import Testing

/// What is published is what the schemas promise, says a validator that is not ours.
@Suite(.timeLimit(.minutes(2))) struct PublishedSchemaTests {
    private typealias Body = CallEvent.OneOf_Body

    private static let schemas = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().appending(path: "Schemas")

    /// The message that each type of result is, and its schema's name.
    private static let messages = [
        "quote": "Quote", "appointment": "Appointment", "order": "Order", "offer": "Offer", "comparison": "Comparison",
        "transcript": "Transcript", "call": "CallSummary",
    ]

    private static let request: Body = .requested(.with { $0.audioPath = .pcm24K })

    private static func handOver(to agent: String) -> Body { .handoffRequested(.with { $0.toAgent = agent }) }

    /// A call of which as little as possible is known, with as little as the tools take.
    private static let least: [Body] = [
        Self.request, .claimed, .status("in-progress", 2),
        .asks("t1", "extract_quote", #"{"price":0}"#),
        .asks("t2", "extract_quote", #"{"price":"¥1,500"}"#),
        .asks("t3", "extract_quote", #"{"price":"999999999.123456","currency":"eur"}"#),
        .asks("t4", "record_special_offer", #"{"description":"Free"}"#),
        .asks("t5", "record_special_offer", #"{"description":"Free","validUntil":"2026-12-31"}"#),
        .asks("t6", "record_special_offer", #"{"description":"Free","validUntil":"as long as it lasts"}"#),
        .asks("t7", "schedule_appointment", #"{"date":"2026-12-01","time":"midnight"}"#),
        .asks("t8", "schedule_appointment", #"{"date":"2026-12-01","time":"9 am"}"#),
        Self.handOver(to: "quotes_validator"),
        .asks("t9", "compare_quotes", "{}"),
        Self.handOver(to: "main_concierge"),
        Self.handOver(to: "order_placer"),
        .asks("u1", "place_order", #"{"items":[{"name":"Tea","quantity":"2"}]}"#),
        .asks("u2", "place_order", #"{"items":[{"name":"Tea","quantity":1,"customizations":[]}],"totalPrice":"€1,5"}"#),
        RestartPointTests.said(.agent, "a1", "With a \u{1F375}, \"quotes\" and\nlines"),
        .speechStarted(
            .with {
                $0.interruptedItemID = "a1"
                $0.playedMs = 900
            }
        ),
        RestartPointTests.said(.person, "p1", "Yes."),
        .status("completed", 9),
    ]

    /// One by one at the end of a call: without a word, and after one.
    private static let ends: [[Body]] = ["busy", "failed", "no-answer", "canceled", "completed"].flatMap { status in
        [
            [Self.request, .status(status, 3)],
            [
                .requested(.with { $0.direction = "inbound" }), .claimed, .status("in-progress", 2),
                .machineDetected(.with { $0.answeredBy = "machine_start" }),
                RestartPointTests.said(.person, "p1", "Hello?"), .status(status, 3),
            ],
            [.status(status, 3), Self.request],
        ]
    }

    /// - Parameter values: by message.
    /// - Returns: what is wrong with them.
    private func problems(_ values: [String: [String]]) async throws -> String {
        let folder = FileManager.default.temporaryDirectory.appending(path: "published-\(UUID())")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let files = values.keys.sorted().map { folder.appending(path: "\($0).jsonl") }
        for file in files {
            let lines = values[file.deletingPathExtension().lastPathComponent] ?? []
            try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: file)
        }
        return try await self.validate(["results"] + files.map { $0.path() })
    }

    /// - Returns: what `validate.py` printed.
    private func validate(_ arguments: [String]) async throws -> String {
        let log = FileManager.default.temporaryDirectory.appending(path: "validate-\(UUID()).log")
        defer { try? FileManager.default.removeItem(at: log) }
        // Debian's, which has the packages; another python3 may come first in PATH.
        let program = Program(
            "validate.py",
            path: "/usr/bin/python3",
            arguments: [Self.schemas.appending(path: "validate.py").path()] + arguments,
            logFile: log.path()
        )
        try await program.start()
        let exit = try await program.exited(within: .seconds(60))
        #expect((exit == .code(0)) == program.log().isEmpty)
        return program.log()
    }

    private func values(of calls: [[Body]]) throws -> [String: [String]] {
        var values: [String: [String]] = [:]
        for script in calls {
            var world = try RestartPointTests.world(script)
            try world.run()
            for result in world.results {
                values[try #require(Self.messages[result.type]), default: []].append(try result.json)
            }
        }
        return values
    }

    @Test func `all results of a call validate against their schemas`() async throws {
        let values = try self.values(of: [RestartPointTests.script])
        #expect(Set(values.keys) == Set(CallResult.types.compactMap { Self.messages[$0] }))
        #expect(try await self.problems(values) == "")
    }

    @Test func `also results of which little is known validate`() async throws {
        let values = try self.values(of: [Self.least] + Self.ends)
        #expect(values["Quote"]?.count == 3 && values["Offer"]?.count == 3 && values["Order"]?.count == 2)
        #expect(values["Appointment"]?.count == 2 && values["Comparison"]?.count == 1)
        #expect(values["Transcript"]?.count == 2 + 5 && values["CallSummary"]?.count == 1 + 15)
        #expect(try await self.problems(values) == "")
    }

    @Test(arguments: [
        (#""price":"12.50""#, #""price":"12.5""#), (#""price":"12.50""#, #""price":12.5"#),
        (#""currency":"USD","#, ""), (#""currency":"USD""#, #""currency":"dollars""#),
        ("12:00:00Z", "25:00:00Z"), ("12:00:00Z", "12:00:00"), (#""quoteId""#, #""quote_id""#),
    ])
    func `a broken value is found`(right: String, wrong: String) async throws {
        let quote = """
            {"quoteId":"CA1.t1","callSid":"CA1","price":"12.50","currency":"USD","quotedAt":"2026-11-23T12:00:00Z"}
            """
        #expect(try await self.problems(["Quote": [quote]]) == "")
        let broken = quote.replacing(right, with: wrong)
        #expect(broken != quote)
        #expect(try await self.problems(["Quote": [quote, broken]]).hasPrefix("Quote 2: "))
    }

    @Test func `asyncapi.yaml has a channel for every topic, and all that it refers to is there`() async throws {
        let topics = Topic.allCases.map(\.rawValue)
        #expect(try await self.validate(["asyncapi"] + topics) == "")
        let more = try await self.validate(["asyncapi", "results.unheard"] + topics.dropFirst())
        #expect(more == "asyncapi.yaml: \(topics[0]) is no topic\nasyncapi.yaml: results.unheard is missing\n")
    }
}
