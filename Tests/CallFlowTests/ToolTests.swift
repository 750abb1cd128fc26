import CallEvents
import CallFlow
import JSON
import SwiftProtobuf
import Testing

@Suite struct ToolTests {
    private func run(_ tool: String, _ arguments: String) -> ToolCompleted {
        Tool.run(
            .with {
                $0.toolCallID = "c1"
                $0.name = tool
                $0.arguments = arguments
            },
            in: .test
        )
    }

    @Test(arguments: [
        (#"45"#, "45.00"), (#"45.5"#, "45.50"), (#"45.10"#, "45.10"), (#"0"#, "0.00"), (#"0.1"#, "0.10"),
        (#"19.99"#, "19.99"), (#"1234567.89"#, "1234567.89"), (#"0.3"#, "0.30"), (#"4.5e1"#, "45.00"),
        (#"999999999"#, "999999999.00"), (#"45.125"#, "45.125"), (#""$45.00""#, "45.00"), (#""45 USD""#, "45.00"),
        (#""$1,250""#, "1250.00"), (#""1,250,000.5""#, "1250000.50"), (#""45,50""#, "45.50"), (#"" 45. ""#, "45.00"),
        (#""US$ 45""#, "45.00"), (#""$45.00 USD""#, "45.00"), (#""045""#, "45.00"), (#""45 dollars""#, "45.00"),
    ])
    func `a price keeps its digits`(_ price: String, text: String) throws {
        let completed = self.run("extract_quote", #"{"price":\#(price)}"#)
        #expect(completed.succeeded)
        let quote = try Quote(jsonString: completed.result)
        #expect(quote.price == text)
        #expect(quote.currency == "USD")
    }

    @Test(arguments: [
        "-1", #""-45""#, #""forty five""#, #""45-50""#, #""40 or 45""#, "null", "true", "[45]", #"{"a":1}"#, #""""#,
        #""$""#, "1e300", "1e-9", #""1,25,0""#, #""12,34.5""#, #""4.5.0""#, "1000000000", #""€45 USD""#, #""45/hour""#,
        #""٤٥""#,
    ])
    func `what is no single price is refused in words that help`(_ price: String) throws {
        let completed = self.run("extract_quote", #"{"price":\#(price)}"#)
        #expect(!completed.succeeded)
        #expect(completed.result.isEmpty)
        let message = try JSONValue(parsing: completed.output)["error"]?["message"]?.stringValue
        #expect(message?.contains("price") == true)
    }

    @Test(arguments: [
        (#""eur""#, "EUR"), (#""$""#, "USD"), ("null", "USD"), (#""""#, "USD"), (#""CHF""#, "CHF"),
        (#""US dollars""#, "USD"),
    ])
    func `currencies are ISO 4217`(_ currency: String, code: String) throws {
        let completed = self.run("extract_quote", #"{"price":1,"currency":\#(currency)}"#)
        #expect(try Quote(jsonString: completed.result).currency == code)
    }

    @Test func `a sign beside the price names the currency`() throws {
        #expect(try Quote(jsonString: self.run("extract_quote", #"{"price":"€45"}"#).result).currency == "EUR")
    }

    @Test(arguments: [
        #"{"price":1,"currency":"ABC"}"#, #"{"price":1,"currency":"dollarydoos"}"#, #"{"price":1,"details":["a"]}"#,
        #"{"price":1,"availability":true}"#, "", "not JSON", "[1]", "45", #"{"price":1"#,
    ])
    func `other wrong arguments are refused`(_ arguments: String) throws {
        let completed = self.run("extract_quote", arguments)
        #expect(!completed.succeeded)
        #expect(try JSONValue(parsing: completed.output)["error"]?["code"] == "invalid_arguments")
    }

    @Test func `the model is told what was recorded`() throws {
        let output = try JSONValue(parsing: self.run("extract_quote", #"{"price":45}"#).output)
        #expect(
            output == [
                "status": "recorded", "quoteId": .string("\(Log.callSid).c1"), "price": "45.00", "currency": "USD",
            ]
        )
    }

    @Test(arguments: [
        (#"{"reason":"done"}"#, true), (#"{"reason":"done","outcome":"success"}"#, true), ("{}", false),
        (#"{"reason":" "}"#, false), (#"{"reason":{}}"#, false),
    ])
    func `end_call needs a reason`(_ arguments: String, succeeds: Bool) {
        #expect(self.run("end_call", arguments).succeeded == succeeds)
    }

    @Test func `an unknown tool sends the model back to those that it was given`() throws {
        let completed = self.run("order_pizza", "{}")
        #expect(!completed.succeeded)
        let error = try JSONValue(parsing: completed.output)["error"]
        #expect(error?["code"] == "unknown_tool")
        #expect(error?["message"] == "There is no tool order_pizza. Use only the tools that you were given.")
    }

    @Test(arguments: Tool.allCases)
    func `each definition's parameters are a JSON Schema of an object, and all of it is checked`(_ tool: Tool) throws {
        let schema = try JSONValue(parsing: tool.definition.parameters)
        #expect(tool.definition.name == tool.rawValue)
        #expect(throws: Never.self) { try JSONSchema(schema) }
        #expect(schema["type"] == "object")
        #expect(schema["additionalProperties"] == false)
        let properties = Set(try #require(schema["properties"]?.objectValue).keys)
        let required = Set(schema["required"]?.arrayValue?.compactMap(\.stringValue) ?? [])
        let expected: (properties: Set<String>, required: Set<String>) =
            switch tool {
            case .extractQuote: (["price", "currency", "details", "availability"], ["price"])
            case .scheduleAppointment: (["date", "time", "confirmationNumber", "notes"], ["date", "time"])
            case .placeOrder:
                (["items", "totalPrice", "confirmationNumber", "estimatedTime", "delivery"], ["items"])
            case .recordSpecialOffer: (["description", "discount", "validUntil", "conditions"], ["description"])
            case .validateQuote: (["quoteId", "price", "currency", "details", "availability"], [])
            case .compareQuotes: (["quotes", "requestId", "criteria"], [])
            case .noteTone: (["emotion", "urgency", "sentiment", "evidence"], [])
            case .sendDigits: (["digits", "reason"], ["digits"])
            case .reportVoicemail: (["evidence"], [])
            case .endCall: (["reason", "outcome"], ["reason"])
            }
        #expect(properties == expected.properties)
        #expect(required == expected.required)
    }
}
