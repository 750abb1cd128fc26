import CallEvents
import CallFlow
import SwiftProtobuf
import Testing

@Suite struct QuoteBoardTests {
    private func quote(_ id: String, call: String = "CA1", request: String = "r1", price: String = "1.00") -> Quote {
        .with {
            $0.quoteID = id
            $0.callSid = call
            $0.requestID = request
            $0.price = price
            $0.currency = "USD"
        }
    }

    @Test func `a call sees the quotes of the other calls of its request`() throws {
        var board = QuoteBoard()
        for quote in [
            self.quote("b", call: "CA2"), self.quote("a", call: "CA3"), self.quote("c"),
            self.quote("d", call: "CA4", request: "r2"),
        ] {
            let isTaken = board.add(json: try quote.jsonString())
            #expect(isTaken)
        }
        #expect(board.others(than: "CA1", requestID: "r1").map(\.quoteID) == ["a", "b"])
        #expect(board.others(than: "CA2", requestID: "r1").map(\.quoteID) == ["a", "c"])
        #expect(board.others(than: "CA1", requestID: "r3").isEmpty)
        #expect(board.others(than: "CA1", requestID: "").isEmpty)
    }

    @Test func `the same quote again takes its place`() {
        var board = QuoteBoard()
        board.add(self.quote("a", price: "1.00"))
        board.add(self.quote("a", price: "2.00"))
        #expect(board.count == 1)
        #expect(board.others(than: "", requestID: "r1").map(\.price) == ["2.00"])
    }

    @Test(arguments: [
        "", "null", "[]", "not JSON", "{}", #"{"quoteId":"a"}"#, #"{"requestId":"r"}"#,
        #"{"quoteId":1,"requestId":"r"}"#,
    ])
    func `what is no quote of a request is not taken`(_ json: String) {
        var board = QuoteBoard()
        let isTaken = board.add(json: json)
        #expect(!isTaken)
        #expect(board.count == 0)
    }

    @Test func `fields of a later version are read over`() {
        var board = QuoteBoard()
        let isTaken = board.add(json: #"{"quoteId":"a","requestId":"r","callSid":"CA","color":{"is":"new"}}"#)
        #expect(isTaken)
    }

    @Test func `of a request the newest are kept, and of too many requests the newest`() {
        var board = QuoteBoard()
        for number in 0..<(QuoteBoard.maxPerRequest + 10) { board.add(self.quote("q\(number)")) }
        #expect(board.count == QuoteBoard.maxPerRequest)
        #expect(!board.others(than: "", requestID: "r1").map(\.quoteID).contains("q9"))
        for number in 0..<QuoteBoard.maxQuotes { board.add(self.quote("a", request: "s\(number)")) }
        #expect(board.count == QuoteBoard.maxQuotes)
        #expect(board.others(than: "", requestID: "r1").isEmpty)
        #expect(board.others(than: "", requestID: "s0").count == 1)
        board.add(self.quote("a", request: "t"))
        #expect(board.others(than: "", requestID: "s0").isEmpty)
        #expect(board.others(than: "", requestID: "s1").count == 1)
        #expect(board.others(than: "", requestID: "t").count == 1)
    }
}
