import CallEvents
import JSON
import SeededRandom
import SwiftProtobuf
import Testing

@testable import CallFlow

/// `validate_quote` and `compare_quotes`. It is Tuesday, 2023-11-14, 22:13 UTC.
@Suite struct QuoteToolTests {
    private func run(_ tool: Tool, _ arguments: String, _ quotes: [Quote] = []) -> ToolCompleted {
        var context = ToolContext.test
        context.quotes = quotes
        return Tool.run(
            .with {
                $0.toolCallID = "c9"
                $0.name = tool.rawValue
                $0.arguments = arguments
                $0.agent = "quotes_validator"
            },
            in: context
        )
    }

    private func output(_ completed: ToolCompleted) throws -> JSONValue { try JSONValue(parsing: completed.output) }

    private func message(_ completed: ToolCompleted) throws -> String {
        try #require(try self.output(completed)["error"]?["message"]?.stringValue)
    }

    private func compare(_ quotes: [Quote], _ arguments: String = "{}") throws -> Comparison {
        try Comparison(jsonString: self.run(.compareQuotes, arguments, quotes).result)
    }

    private func ids(_ quotes: [Quote], by criteria: String = "") throws -> [String] {
        try self.compare(quotes, #"{"criteria":"\#(criteria)"}"#).ranking.map(\.quoteID)
    }

    // MARK: validate_quote

    @Test func `a complete quote that agrees with the others leaves nothing to ask`() throws {
        let quotes = [
            Quote.test("a", "60.00", details: "oil change, taxes included", availability: "tomorrow", own: true),
            .test("b", "55.00"), .test("c", "70.00"),
        ]
        let output = try self.output(self.run(.validateQuote, #"{"quoteId":"a","price":"$60"}"#, quotes))
        #expect(
            output == [
                "status": "checked", "recorded": true, "quoteId": "a", "price": "60.00", "currency": "USD",
                "complete": true, "missing": [], "availability": "from Wednesday, 2023-11-15", "ask": [],
                "priceConsistent": true, "next": "Nothing is open: this quote can be relied on.",
                "comparison": ["otherQuotes": 2, "median": "62.50", "percentFromMedian": -4, "outlier": false],
            ]
        )
    }

    @Test func `what is missing, unclear or unlikely is to be asked`() throws {
        let quotes = [
            Quote.test("a", "20.00", own: true), .test("b", "55.00"), .test("c", "70.00"), .test("d", "10.00", "EUR"),
        ]
        let output = try self.output(self.run(.validateQuote, #"{"quoteId":"a","price":25}"#, quotes))
        #expect(output["complete"] == false)
        #expect(output["missing"] == ["details", "availability"])
        #expect(output["priceConsistent"] == false)
        #expect(output["availability"] == "not known")
        #expect(
            output["comparison"] == ["otherQuotes": 2, "median": "62.50", "percentFromMedian": -68, "outlier": true]
        )
        #expect(
            output["ask"] == [
                "Recorded is 20.00 USD, you heard 25.00 USD: ask which is right, and have the right one recorded.",
                "Ask what the price includes, and whether taxes and fees are in it.", "Ask when the earliest time is.",
                """
                20.00 USD is far from the others, 68 % below the median of 2 other quotes, 62.50: ask whether it is the \
                total, and what it includes.
                """,
            ]
        )
    }

    @Test func `a price alone finds the quote of this call, or is not recorded`() throws {
        let quotes = [Quote.test("a", "45.00", own: true), .test("b", "46.00")]
        #expect(try self.output(self.run(.validateQuote, #"{"price":45}"#, quotes))["quoteId"] == "a")
        let other = try self.output(
            self.run(.validateQuote, #"{"price":46,"details":"tax inclusive","availability":"Friday"}"#, quotes)
        )
        #expect(other["recorded"] == false)
        #expect(other["complete"] == true)
        #expect(other["ask"]?.arrayValue?.count == 1)
    }

    @Test func `a price without a currency is in that of the record`() throws {
        let quotes = [Quote.test("a", "45.00", "EUR", own: true)]
        #expect(
            try self.output(self.run(.validateQuote, #"{"quoteId":"a","price":45}"#, quotes))["priceConsistent"] == true
        )
        #expect(try self.output(self.run(.validateQuote, #"{"price":45}"#, quotes))["quoteId"] == "a")
        let dollars = try self.output(self.run(.validateQuote, #"{"quoteId":"a","price":"$45"}"#, quotes))
        #expect(dollars["priceConsistent"] == false)
    }

    @Test func `a quote whose price cannot be read is none`() throws {
        let quotes = [Quote.test("a", "free"), .test("b", "45.00")]
        #expect(try self.message(self.run(.validateQuote, #"{"quoteId":"a"}"#, quotes)).contains("has no price"))
        #expect(try self.ids(quotes) == ["b"])
    }

    @Test func `a vague price and a vague day are asked again`() throws {
        let arguments = #"{"price":45,"details":"Starting at 45, with coffee","availability":"call us"}"#
        let ask = try #require(try self.output(self.run(.validateQuote, arguments))["ask"]?.arrayValue)
        #expect(ask.contains(#"The details say "starting at": ask for the most likely total."#))
        #expect(ask.contains("Ask whether taxes and fees are in the price."))
        #expect(ask.contains(#""call us" names no day: ask for the earliest one."#))
    }

    @Test(arguments: [
        ("{}", "Give quoteId, or price"), (#"{"price":"a lot"}"#, "price must be one number"),
        (#"{"price":-1}"#, "price must be at least 0"), (#"{"price":1,"currency":"XYZ"}"#, "ISO 4217"),
        (#"{"quoteId":"x"}"#, "There is no quote x. Recorded are: a."), (#"{"quotes":[]}"#, "quotes is not known"),
    ])
    func `a wrong validation is refused in words that help`(_ arguments: String, words: String) throws {
        let completed = self.run(.validateQuote, arguments, [.test("a", "45.00")])
        #expect(!completed.succeeded)
        #expect(try self.message(completed).contains(words))
    }

    // MARK: compare_quotes

    @Test func `the lowest price is best, with reasons`() throws {
        let quotes = [
            Quote.test("a", "60.00", details: "all", availability: "today", own: true),
            .test("b", "45.10", details: "all", availability: "tomorrow"), .test("c", "45.09", availability: "Friday"),
        ]
        let completed = self.run(.compareQuotes, #"{"requestId":"req-1"}"#, quotes)
        let comparison = try Comparison(jsonString: completed.result)
        #expect(comparison.comparisonID == "\(Log.callSid).c9")
        #expect(comparison.ranking.map(\.quoteID) == ["c", "b", "a"])
        #expect(comparison.ranking.map(\.rank) == [1, 2, 3])
        #expect(comparison.bestQuoteID == "c")
        #expect(comparison.ranking.map(\.complete) == [false, true, true])
        #expect(
            comparison.summary
                == """
                Shop c is the best of 3 by price: 45.09 USD, lowest price, available from Friday, 2023-11-17, not known: \
                details.
                """
        )
        #expect(
            comparison.ranking[1].reasons
                == ["0.01 USD more than the lowest price", "available from Wednesday, 2023-11-15"]
        )
        #expect(
            comparison.ranking[2].reasons
                == ["14.91 USD more than the lowest price", "earliest: available from Tuesday, 2023-11-14 at 22:13"]
        )
        let output = try self.output(completed)
        #expect(output["bestQuoteId"] == "c")
        #expect(output["rankedBy"] == ["price", "availability", "completeness"])
    }

    @Test(arguments: [
        ("", ["a", "b", "c", "d"]), ("cheapest", ["a", "b", "c", "d"]), ("as soon as possible", ["c", "b", "d", "a"]),
        ("earliest date, then price", ["c", "b", "d", "a"]), ("complete, then price", ["d", "b", "c", "a"]),
        ("availability; price does not matter", ["c", "b", "d", "a"]), ("PRICE", ["a", "b", "c", "d"]),
        ("the nicest", ["a", "b", "c", "d"]),
    ])
    func `criteria decide the order`(_ criteria: String, ids: [String]) throws {
        let quotes = [
            Quote.test("a", "10.00"), .test("b", "20.00", availability: "tomorrow"),
            .test("c", "30.00", availability: "this afternoon"),
            .test("d", "40.00", details: "all", availability: "next week"),
        ]
        #expect(try self.ids(quotes, by: criteria) == ids)
    }

    @Test func `criteria that are not understood are said to be`() throws {
        let output = try self.output(self.run(.compareQuotes, #"{"criteria":"the nicest"}"#, [.test("a", "1.00")]))
        #expect(output["note"]?.stringValue?.contains("ranked by price") == true)
    }

    @Test func `prices in different currencies are not compared`() throws {
        let quotes = [
            Quote.test("a", "100.00"), .test("b", "90.00"), .test("c", "10.00", "EUR"), .test("d", "95.00"),
        ]
        let comparison = try self.compare(quotes)
        #expect(comparison.ranking.map(\.quoteID) == ["b", "d", "a", "c"])
        #expect(comparison.bestQuoteID == "b")
        #expect(comparison.summary.hasSuffix("prices in EUR and USD are not compared with each other."))
        #expect(comparison.ranking[3].reasons.first == "the only price in EUR: not compared with other currencies")
        #expect(!comparison.ranking[3].outlier)

        let even = try self.compare([.test("a", "100.00"), .test("c", "10.00", "EUR")])
        #expect(even.bestQuoteID.isEmpty)
        #expect(even.summary.hasPrefix("No quote can be recommended"))
        let sooner = try self.compare(
            [.test("a", "100.00", availability: "Friday"), .test("c", "10.00", "EUR", availability: "today")],
            #"{"criteria":"soonest"}"#
        )
        #expect(sooner.bestQuoteID == "c")
    }

    @Test func `a price far from the others is marked`() throws {
        let comparison = try self.compare([
            .test("a", "10.00"), .test("b", "50.00"), .test("c", "55.00"), .test("d", "60.00"),
        ])
        #expect(comparison.ranking.map(\.outlier) == [true, false, false, false])
        #expect(
            comparison.ranking[0].reasons.last == "far from the others: 82 % below the median of 3 other quotes, 55.00"
        )
    }

    @Test func `what cannot be had is not recommended`() throws {
        let quotes = [
            Quote.test("a", "10.00", availability: "fully booked, nothing available"), .test("b", "20.00", "EUR"),
        ]
        #expect(try self.compare(quotes).ranking.map(\.quoteID) == ["b", "a"])
        #expect(try self.compare(quotes).bestQuoteID == "b")
        let alone = try self.compare([quotes[0]])
        #expect(alone.bestQuoteID.isEmpty)
        #expect(alone.summary == "No quote can be recommended: none can be had.")
        #expect(alone.ranking[0].reasons.contains("availability not available"))
    }

    @Test func `quotes in the arguments take part, and none twice`() throws {
        let quotes = [Quote.test("a", "45.00", own: true), .test("b", "46.00")]
        let arguments = """
            {"quotes":["b",{"quoteId":"a","price":45},{"price":"$45.00"},{"businessName":"SHOP B","price":46,"phone":"secret"},
            {"businessName":"Third","price":"44,50","currency":"usd"}]}
            """
        let comparison = try self.compare(quotes, arguments)
        #expect(comparison.ranking.map(\.quoteID) == ["\(Log.callSid).c9.5", "a", "b"])
        #expect(comparison.ranking[0].price == "44.50")
        #expect(comparison.ranking[0].businessName == "Third")
    }

    @Test func `a price taken down again with more known about it counts once`() throws {
        let quotes = [
            Quote.test("a", "45.00", own: true), .test("b", "45.00", details: "oil", own: true),
            .test("c", "45.00", details: "oil", own: true), .test("d", "45.00", details: "tires", own: true),
        ]
        #expect(try self.ids(quotes) == ["c", "d"])
    }

    @Test(arguments: [
        (#"{"requestId":"req-2"}"#, "only quotes of this request"), (#"{"quotes":["zzz"]}"#, "there is no quote zzz"),
        (#"{"quotes":[{"price":"cheap"}]}"#, "quotes[0] needs the quoteId"),
        (#"{"quotes":[{"businessName":"A"}]}"#, "quotes[0] needs the quoteId"),
        (#"{"quotes":[7]}"#, "quotes[0] must be an object or a string, not 7"),
        (#"{"quotes":{}}"#, "quotes must be an array"),
    ])
    func `a wrong comparison is refused in words that help`(_ arguments: String, words: String) throws {
        let completed = self.run(.compareQuotes, arguments, [.test("a", "45.00")])
        #expect(!completed.succeeded)
        #expect(try self.message(completed).contains(words))
    }

    @Test func `without a quote there is nothing to compare`() throws {
        #expect(try self.message(self.run(.compareQuotes, "{}")).hasPrefix("There is no quote of this request"))
    }

    @Test func `the model hears nothing of other calls but business, price and time`() throws {
        let quotes = [
            Quote.test("a", "45.00", details: "own words", own: true),
            .test("b", "46.00", details: "for Jane Doe's car"),
        ]
        let completed = self.run(.compareQuotes, "{}", quotes)
        #expect(!completed.output.contains("Jane"))
        #expect(completed.output.contains("own words"))
        #expect(try Comparison(jsonString: completed.result).ranking[1].details == "for Jane Doe's car")
    }

    // MARK: Properties

    @Test func `a ranking is a permutation, and the same whatever the order of the quotes`() throws {
        var generator = SeededGenerator(seed: 6)
        let words = ["", "today", "tomorrow", "Friday", "sold out", "call us", "2023-12-01", "next week"]
        let criteria = ["", "price", "soonest", "completeness, soonest", "total cost then date"]
        for _ in 0..<100 {
            let quotes = (0..<Int.random(in: 1...12, using: &generator)).map { number in
                Quote.test(
                    "q\(number)",
                    "\(Int.random(in: 1...4, using: &generator)).\(["00", "10", "125"].randomElement(using: &generator) ?? "")",
                    ["USD", "USD", "EUR"].randomElement(using: &generator) ?? "",
                    details: ["", "all"].randomElement(using: &generator) ?? "",
                    availability: words.randomElement(using: &generator) ?? ""
                )
            }
            let criterion = criteria.randomElement(using: &generator) ?? ""
            let ranked = try self.ids(quotes, by: criterion)
            #expect(ranked.sorted() == quotes.map(\.quoteID).sorted())
            #expect(try self.ids(quotes.shuffled(using: &generator), by: criterion) == ranked)
        }
    }

    @Test func `prices are compared digit by digit`() throws {
        // As binary fractions these are the same, or the other way around.
        let texts = [
            "0.000001", "0.10", "0.100001", "4.35", "100000000.000001", "999999999.999998", "999999999.999999",
        ]
        let quotes = texts.enumerated().map { Quote.test("q\($0)", $1) }
        #expect(try self.compare(quotes.reversed()).ranking.map(\.price) == texts)
        for text in texts { #expect(Amount(text)?.decimalText == (text == "0.10" ? "0.10" : text)) }
        #expect([Amount("0.000001"), Amount("0.000002")].compactMap(\.self).median?.decimalText == "0.0000015")
    }
}

extension Quote {
    /// - Parameter own: taken in the call under test, else in one of its own.
    static func test(
        _ id: String,
        _ price: String,
        _ currency: String = "USD",
        details: String = "",
        availability: String = "",
        own: Bool = false
    ) -> Quote {
        .with {
            $0.quoteID = id
            $0.callSid = own ? Log.callSid : "CA-\(id)"
            $0.requestID = "req-1"
            $0.businessName = own ? "Test Business" : "Shop \(id)"
            $0.price = price
            $0.currency = currency
            $0.details = details
            $0.availability = availability
            $0.quotedAt = "2023-11-14T22:13:20.000Z"
        }
    }
}
