import CallEvents
import JSON
import SwiftProtobuf

// Which quotes take part in a comparison: none twice. Some were not taken in a call of ours: those that came with the
// request, and those that a model writes into the arguments of a tool.
extension Quote {
    /// What is not known is left out: an object from outside may hold what is nobody's business.
    /// - Parameter id: of a quote that brings none.
    /// - Returns: nil when it has no readable price.
    init?(given: ToolArguments, id: String, requestID: String) {
        let text = { (names: [String]) in Self.first(of: names, in: given) }
        guard let stated = text(["price", "totalPrice", "total", "amount"]), let price = Price(stated) else {
            return nil
        }
        let currency = text(["currency"]) ?? price.currency ?? Currency.default
        guard let code = Currency.code(currency) else { return nil }
        self.init()
        self.quoteID = text(["quoteId", "quote_id", "id"]) ?? id
        self.requestID = requestID
        self.businessName = text(["businessName", "business_name", "business", "name"]) ?? ""
        self.price = price.decimalText
        self.currency = code
        self.details = text(["details", "description"]) ?? ""
        self.availability = text(["availability", "available"]) ?? ""
        if let quotedAt = text(["quotedAt", "quoted_at"]), Timestamp.us(rfc3339: quotedAt) != nil {
            self.quotedAt = quotedAt
        }
    }

    private static func first(of names: [String], in given: ToolArguments) -> String? {
        for name in names {
            if let text = (try? given.text(name, limit: 1000)) ?? nil { return text }
        }
        return nil
    }

    /// Those of the request's `quotes`.
    /// - Parameter json: a JSON array; what is no quote in it is left out.
    static func given(with json: String, requestID: String) -> [Quote] {
        guard !json.isEmpty else { return [] }
        return ToolArguments.objects(inArray: json).enumerated().compactMap { index, object in
            Quote(given: object, id: "\(requestID).given.\(index + 1)", requestID: requestID)
        }
    }

    func isSamePrice(as other: Quote) -> Bool { self.price == other.price && self.currency == other.currency }

    /// Somebody wrote down the same quote a second time: the same price of the same business.
    func isSame(as other: Quote) -> Bool {
        if self.quoteID == other.quoteID { return true }
        return self.isSamePrice(as: other) && !self.businessName.isEmpty
            && self.businessName.lowercased() == other.businessName.lowercased()
    }
}

extension [Quote] {
    /// Adds those that are not there yet: by id.
    mutating func add(new quotes: some Sequence<Quote>) {
        var ids = Set(self.map(\.quoteID))
        for quote in quotes where ids.insert(quote.quoteID).inserted { self.append(quote) }
    }

    /// Adds those that are not there yet, by id or by what they say.
    mutating func add(given quotes: some Sequence<Quote>) {
        for quote in quotes where !self.contains(where: { quote.isSame(as: $0) }) { self.append(quote) }
    }
    /// Without those that say no more than another of the same call: a price that was taken down a second time when more
    /// was known about it.
    var withoutRepeats: [Quote] {
        self.filter { quote in
            !self.contains { other in
                guard quote.quoteID != other.quoteID, quote.callSid == other.callSid,
                    quote.isSamePrice(as: other), quote.businessName == other.businessName
                else { return false }
                let mine = [quote.details, quote.availability].map { $0.lowercased() }
                let others = [other.details, other.availability].map { $0.lowercased() }
                guard zip(mine, others).allSatisfy({ $0.isEmpty || $0 == $1 }) else { return false }
                return mine != others || quote.quoteID < other.quoteID
            }
        }
    }
}
