package import CallEvents
import SwiftProtobuf

/// The quotes of other calls, by request, as they come on `results.quotes`: so that calls of one request at the same time
/// know each other's prices. Bounded: of too many requests the oldest is forgotten.
package struct QuoteBoard: Sendable {
    /// Of one request; the oldest go first.
    package static let maxPerRequest = 50
    package static let maxQuotes = 20_000
    /// A record of more bytes is no quote of ours.
    private static let maxRecordBytes = 32 << 10

    /// Each request's quotes in the order in which they came.
    private var requests: [String: [Quote]] = [:]
    /// Request ids, the oldest first; those before `first` are forgotten.
    private var order: [String] = []
    private var first = 0
    package private(set) var count = 0

    package init() {}

    /// - Parameter json: a record's value.
    /// - Returns: false when it is no quote, or one that belongs to no request.
    @discardableResult
    package mutating func add(json: String) -> Bool {
        var options = JSONDecodingOptions()
        options.ignoreUnknownFields = true
        guard json.utf8.count <= Self.maxRecordBytes, let quote = try? Quote(jsonString: json, options: options)
        else { return false }
        return self.add(quote)
    }

    /// Adds a quote, or puts it in the place of the one with its id.
    @discardableResult
    package mutating func add(_ quote: Quote) -> Bool {
        guard !quote.requestID.isEmpty, !quote.quoteID.isEmpty else { return false }
        if self.requests[quote.requestID] == nil { self.order.append(quote.requestID) }
        var quotes = self.requests.removeValue(forKey: quote.requestID) ?? []
        self.count -= quotes.count
        if let index = quotes.firstIndex(where: { $0.quoteID == quote.quoteID }) {
            quotes[index] = quote
        } else {
            quotes.append(quote)
            if quotes.count > Self.maxPerRequest { quotes.removeFirst() }
        }
        self.count += quotes.count
        self.requests[quote.requestID] = quotes
        while self.count > Self.maxQuotes { self.forgetOldest() }
        return true
    }

    /// The request's quotes that this call did not take, in the order of their ids.
    package func others(than callSid: String, requestID: String) -> [Quote] {
        guard let quotes = self.requests[requestID] else { return [] }
        return quotes.filter { $0.callSid != callSid }.sorted { $0.quoteID < $1.quoteID }
    }

    private mutating func forgetOldest() {
        self.count -= self.requests.removeValue(forKey: self.order[self.first])?.count ?? 0
        self.first += 1
        if self.first * 2 > self.order.count {
            self.order.removeFirst(self.first)
            self.first = 0
        }
    }
}
