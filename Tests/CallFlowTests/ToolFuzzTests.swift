import CallEvents
import JSON
import SeededRandom
import SwiftProtobuf
import Testing

@testable import CallFlow

/// What a model can send: nothing of it traps, and the same thing in another spelling is the same thing.
@Suite struct ToolFuzzTests {
    private func run(_ tool: Tool, _ arguments: String) -> ToolCompleted {
        var context = ToolContext.test
        context.quotes = [.test("a", "45.00", own: true), .test("b", "46.00", availability: "tomorrow")]
        return Tool.run(
            .with {
                $0.toolCallID = "c1"
                $0.name = tool.rawValue
                $0.arguments = arguments
            },
            in: context
        )
    }

    @Test(.timeLimit(.minutes(2)), arguments: Tool.allCases)
    func `no arguments trap, and each answer is JSON`(_ tool: Tool) throws {
        var generator = SeededGenerator(seed: 69)
        let schema = try JSONValue(parsing: tool.definition.parameters)
        var taken = 0
        for _ in 0..<400 {
            var text = ArgumentMaker().make(schema, &generator).text
            if Int.random(in: 0..<20, using: &generator) == 0 { text = String(text.dropLast(3)) }
            let completed = self.run(tool, text)
            #expect(throws: Never.self) { try JSONValue(parsing: completed.output) }
            #expect(completed.succeeded || completed.result.isEmpty)
            if !completed.result.isEmpty { #expect(tool.result(from: completed.result) != nil) }
            taken += completed.succeeded ? 1 : 0
            #expect(self.run(tool, text) == completed)
            let key = tool.normalised(text)
            #expect(tool.normalised(key) == key)
        }
        // Else the arguments are too wild to reach anything.
        #expect(taken > 0)
    }

    @Test(arguments: Tool.allCases)
    func `no text traps`(_ tool: Tool) {
        let nested = String(repeating: "[", count: 2000)
        let deep = String(repeating: #"{"a":["#, count: 240) + String(repeating: "]}", count: 240)
        for text in [
            "", " ", "\0", "null", "[]", "\"\"", "{", nested, #"{"a":"# + nested, deep, #"{"items":[\#(deep)]}"#,
            "{\"\\ud800\":1}",
            #"{"price":1e999}"#,
            #"{"price":-0}"#, #"{"items":[[]]}"#, #"{"price":0.0000001}"#, #"{"quotes":[null,null]}"#, "\u{feff}{}",
        ] {
            _ = self.run(tool, text)
            _ = tool.normalised(text)
        }
    }

    @Test(arguments: [
        (
            Tool.scheduleAppointment, #"{"date":"2023-12-01","time":"2:00 PM","notes":"Ask for Sam"}"#,
            #"{ "notes": " ask  for sam", "time":"14:00", "date":"2023-12-01", "confirmationNumber": null }"#
        ),
        (
            .scheduleAppointment, #"{"date":"2023-12-01","time":"noon","confirmationNumber":"AB1"}"#,
            #"{"date":" 2023-12-01 ","time":"12:00 p.m.","confirmationNumber":"ab1","notes":""}"#
        ),
        (
            .placeOrder,
            #"{"items":[{"name":"Pizza","quantity":2,"customizations":["No onions","extra cheese"]},{"name":"Cola","quantity":1}],"totalPrice":31.5}"#,
            #"{"totalPrice":"$31.50","items":[{"quantity":"1","name":"cola","customizations":[]},{"quantity":2,"name":" pizza ","customizations":["Extra Cheese","no onions"]}]}"#
        ),
        (
            .placeOrder, #"{"items":[{"name":"Tea","quantity":1}],"delivery":false}"#,
            #"{"items":[{"name":"tea","quantity":1}],"delivery":"Pickup"}"#
        ),
        (
            .recordSpecialOffer, #"{"description":"10 % off","discount":10,"validUntil":"2023-12-31"}"#,
            #"{"validUntil":"2023-12-31","discount":"10","description":" 10 %  OFF"}"#
        ),
        (.extractQuote, #"{"price":45,"details":"Oil"}"#, #"{"details":"oil ","price":"$45.00","currency":"usd"}"#),
    ])
    func `another spelling is the same call`(_ tool: Tool, one: String, other: String) {
        #expect(self.run(tool, one).succeeded)
        #expect(self.run(tool, other).succeeded)
        #expect(tool.normalised(one) == tool.normalised(other))
        #expect(!tool.mayRepeat)
    }

    @Test(arguments: [
        (
            Tool.scheduleAppointment, #"{"date":"2023-12-01","time":"2:00 PM"}"#,
            #"{"date":"2023-12-01","time":"2:00 AM"}"#
        ),
        (.scheduleAppointment, #"{"date":"2023-12-01","time":"2 PM"}"#, #"{"date":"2023-12-02","time":"2 PM"}"#),
        (
            .placeOrder, #"{"items":[{"name":"Tea","quantity":1}]}"#, #"{"items":[{"name":"Tea","quantity":2}]}"#
        ),
        (
            .placeOrder, #"{"items":[{"name":"Tea","quantity":1}],"totalPrice":3}"#,
            #"{"items":[{"name":"Tea","quantity":1}],"totalPrice":"€3"}"#
        ),
        (
            .placeOrder, #"{"items":[{"name":"a","quantity":1,"customizations":["b","c"]}]}"#,
            #"{"items":[{"name":"a","quantity":1,"customizations":["b c"]}]}"#
        ),
        (.recordSpecialOffer, #"{"description":"a","conditions":"b"}"#, #"{"description":"a b"}"#),
    ])
    func `another thing is another call`(_ tool: Tool, one: String, other: String) {
        #expect(tool.normalised(one) != tool.normalised(other))
    }

    @Test func `an order is the same in whatever order and case its items come`() throws {
        var generator = SeededGenerator(seed: 70)
        for _ in 0..<100 {
            let items = (0..<Int.random(in: 1...6, using: &generator)).map { _ -> JSONValue in
                let extras = ["no ice", "large", "warm"].shuffled(using: &generator).prefix(
                    .random(in: 0...3, using: &generator)
                )
                return [
                    "name": .string(["tea", "cola", "pizza"].randomElement(using: &generator) ?? ""),
                    "quantity": .integer(.random(in: 1...9, using: &generator)),
                    "customizations": .array(extras.map { .string($0) }),
                ]
            }
            let one = JSONValue.object(["items": .array(items)]).text
            let respelled = items.shuffled(using: &generator).map { item -> JSONValue in
                let extras = item["customizations"]?.arrayValue?.shuffled(using: &generator) ?? []
                return [
                    "name": .string("  \(item["name"]?.stringValue?.uppercased() ?? "")"),
                    "quantity": .string(String(item["quantity"]?.intValue ?? 0)), "customizations": .array(extras),
                ]
            }
            let other = JSONValue.object(["items": .array(respelled)]).text
            #expect(Tool.placeOrder.normalised(one) == Tool.placeOrder.normalised(other))
        }
    }

    @Test func `quotes of the request and of its other calls take part, no others`() {
        var state = CallState(callSid: Log.callSid)
        state.request.requestID = "req-1"
        state.request.quotes = """
            [{"businessName":"Given","price":"$30","phone":"+15550000000"},{"quoteId":"g2","price":31},{"price":"?"},7,null,
            {"businessName":"shop b","price":46}]
            """
        state.quotes = [.test("a", "45.00", own: true)]
        var stranger = Quote.test("x", "1.00")
        stranger.requestID = "req-2"
        let others = [Quote.test("b", "46.00"), .test("a", "45.00", own: true), stranger]
        let context = ToolContext(state, others: others, atUs: 0)
        #expect(context.quotes.map(\.quoteID) == ["a", "b", "req-1.given.1", "g2"])
        #expect(!context.quotes.contains { $0.textFormatString().contains("555") })

        state.request.requestID = ""
        stranger.requestID = ""
        #expect(!ToolContext(state, others: [stranger], atUs: 0).quotes.contains(stranger))
    }
}

/// Makes arguments that are mostly as a schema says.
private struct ArgumentMaker {
    func make(_ schema: JSONValue, _ generator: inout SeededGenerator) -> JSONValue {
        if Int.random(in: 0..<30, using: &generator) == 0 { return self.wild(&generator) }
        if let values = schema["enum"]?.arrayValue { return values.randomElement(using: &generator) ?? .null }
        let kinds = schema["type"]?.arrayValue ?? [schema["type"] ?? "string"]
        switch kinds.randomElement(using: &generator)?.stringValue {
        case "object":
            let required = Set(schema["required"]?.arrayValue?.compactMap(\.stringValue) ?? [])
            var members: [String: JSONValue] = [:]
            for (name, property) in (schema["properties"]?.objectValue ?? [:]).sorted(by: { $0.key < $1.key })
            where required.contains(name) || Bool.random(using: &generator) {
                members[name] = self.make(property, &generator)
            }
            return .object(members)
        case "array":
            let items = schema["items"] ?? [:]
            return .array((0..<Int.random(in: 0...3, using: &generator)).map { _ in self.make(items, &generator) })
        case "integer": return .integer(.random(in: 0...20, using: &generator))
        case "number": return .number(Double(Int.random(in: 0...10_000, using: &generator)) / 100)
        case "boolean": return .bool(.random(using: &generator))
        default: return .string(Self.texts.randomElement(using: &generator) ?? "")
        }
    }

    private static let texts = [
        "2023-12-01", "2:00 PM", "14:00", "45", "$45.00", "€3,50", "USD", "a", "b", "1", "12#", "tomorrow", "sold out",
        "price",
        "soonest", "", " ", "friendly", "no onions", "-1", "٣",
    ]

    private func wild(_ generator: inout SeededGenerator) -> JSONValue {
        [
            .null, true, -1, 1e300, 0.1, "\u{0}", .string(String(repeating: "x", count: 5000)), [], [[]], [:],
            ["a": ["b": []]],
            .integer(.max), .integer(.min), "\u{301}", "😀",
        ].randomElement(using: &generator) ?? .null
    }
}
