import CallEvents
import JSON
import SwiftProtobuf

/// A quote with what can be worked out about it: what is missing, when it can be had, how far its price is from others'.
struct QuoteAssessment {
    var quote: Quote
    var amount: Amount
    var availability: Availability
    /// From the others in the same currency; nil when there are none.
    var deviation: Deviation?

    /// How far a price is from the median of others.
    struct Deviation: Equatable {
        var median: Amount
        /// Rounded, negative when below; nil when the median is zero.
        var percent: Int?
        var others: Int
        /// Less than half, or more than one and a half times, the median of at least two others.
        var isFar: Bool

        init?(_ amount: Amount, from others: [Amount]) {
            guard let median = others.median else { return nil }
            self.median = median
            self.others = others.count
            let difference = amount.units - median.units
            if median > .zero {
                let half = difference < 0 ? -median.units / 2 : median.units / 2
                self.percent = Int((difference * 100 + half) / median.units)
            }
            self.isFar = others.count >= 2 && abs(difference) * 2 > median.units
        }
    }

    /// Assesses each against all others; those without a readable price are left out.
    static func all(_ quotes: [Quote], in context: ToolContext) -> [QuoteAssessment] {
        var found = quotes.compactMap { quote -> QuoteAssessment? in
            guard let amount = Amount(quote.price) else { return nil }
            return QuoteAssessment(quote: quote, amount: amount, availability: Availability(of: quote, in: context))
        }
        for index in found.indices {
            let others = found.indices.filter { $0 != index && found[$0].quote.currency == found[index].quote.currency }
            found[index].deviation = Deviation(found[index].amount, from: others.map { found[$0].amount })
        }
        return found
    }

    /// What should still be asked.
    var missing: [String] {
        var missing: [String] = []
        if self.quote.details.isEmpty { missing.append("details") }
        if self.quote.availability.isEmpty { missing.append("availability") }
        return missing
    }

    var isComplete: Bool { self.missing.isEmpty }
    var isOutlier: Bool { self.deviation?.isFar == true }

    /// `45.00 USD`.
    var priceText: String { "\(self.quote.price) \(self.quote.currency)" }

    /// Whose quote it is, for a sentence.
    var name: String { self.quote.businessName.isEmpty ? "Quote \(self.quote.quoteID)" : self.quote.businessName }
}

extension QuoteAssessment.Deviation {
    /// `62 % below the median of 3 other quotes, 120.00`.
    var words: String {
        let distance: String
        switch self.percent {
        case nil: distance = "above"
        case 0: distance = "at"
        case .some(let percent): distance = "\(abs(percent)) % \(percent < 0 ? "below" : "above")"
        }
        let of = self.others == 1 ? "the other quote" : "the median of \(self.others) other quotes"
        return "\(distance) \(of), \(self.median.decimalText)"
    }

    var json: JSONValue {
        var members: [String: JSONValue] = [
            "otherQuotes": .integer(self.others), "median": .string(self.median.decimalText),
            "outlier": .bool(self.isFar),
        ]
        if let percent = self.percent { members["percentFromMedian"] = .integer(percent) }
        return .object(members)
    }
}
