import CallEvents
import SwiftProtobuf

/// Quotes of one request, the best first. The same quotes give the same ranking in whatever order they come.
struct QuoteRanking {
    /// More are left out, the worst first.
    static let limit = 50

    private(set) var ranked: [QuoteAssessment]
    private var criteria: QuoteCriteria
    /// Those with the most quotes first: prices of different currencies are not compared.
    private var currencies: [String]

    /// - Parameter quotes: none twice.
    init(_ quotes: [Quote], by criteria: QuoteCriteria, in context: ToolContext) {
        let assessed = QuoteAssessment.all(quotes, in: context)
        self.criteria = criteria
        let counts = Dictionary(grouping: assessed, by: \.quote.currency).mapValues(\.count)
        self.currencies = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map(\.key)
        let groups = Dictionary(uniqueKeysWithValues: self.currencies.enumerated().map { ($1, Int64($0)) })
        let keyed = assessed.map { found -> (QuoteAssessment, [Int64]) in
            let key = criteria.order.flatMap { Self.key(found, $0, groups[found.quote.currency] ?? 0) }
            // What cannot be had is no choice, whatever it costs.
            return (found, [found.availability == .unavailable ? 1 : 0] + key)
        }
        self.ranked = keyed.sorted { left, right in
            if left.1 != right.1 { return left.1.lexicographicallyPrecedes(right.1) }
            return left.0.quote.quoteID < right.0.quote.quoteID
        }.prefix(Self.limit).map(\.0)
    }

    /// Less is better.
    private static func key(_ found: QuoteAssessment, _ criterion: QuoteCriteria.Criterion, _ group: Int64) -> [Int64] {
        switch criterion {
        case .price: [group, found.amount.units]
        case .availability: [found.availability.order]
        case .completeness: [Int64(found.missing.count)]
        }
    }

    /// Nil when none can be recommended: the first ones differ in nothing but the currency of their price.
    var best: QuoteAssessment? {
        guard let first = self.ranked.first else { return nil }
        if first.availability == .unavailable { return nil }
        let rival = self.ranked.first { $0.quote.currency != first.quote.currency }
        guard let rival, rival.availability != .unavailable else { return first }
        for criterion in self.criteria.order {
            switch criterion {
            case .price: return self.count(first.quote.currency) > self.count(rival.quote.currency) ? first : nil
            case .availability where first.availability != rival.availability: return first
            case .completeness where first.missing.count != rival.missing.count: return first
            case .availability, .completeness: break
            }
        }
        return first
    }

    private func count(_ currency: String) -> Int { self.ranked.count { $0.quote.currency == currency } }
}

// Why each stands where it stands.
extension QuoteRanking {
    func reasons(for found: QuoteAssessment) -> [String] {
        var reasons = self.criteria.order.compactMap { criterion in
            switch criterion {
            case .price: self.priceReason(found)
            case .availability: self.availabilityReason(found)
            case .completeness: found.isComplete ? nil : "not known: \(found.missing.joined(separator: ", "))"
            }
        }
        if found.isOutlier, let deviation = found.deviation {
            reasons.append("far from the others: \(deviation.words)")
        }
        return reasons
    }

    private func priceReason(_ found: QuoteAssessment) -> String {
        let same = self.ranked.filter { $0.quote.currency == found.quote.currency }
        let others = self.currencies.count > 1 ? " in \(found.quote.currency)" : ""
        guard same.count > 1, let least = same.map(\.amount).min() else {
            return self.ranked.count == 1
                ? "the only price" : "the only price\(others): not compared with other currencies"
        }
        if found.amount == least {
            return same.count { $0.amount == least } == 1 ? "lowest price\(others)" : "shares the lowest price\(others)"
        }
        let difference = Amount(units: found.amount.units - least.units)
        return "\(difference.decimalText) \(found.quote.currency) more than the lowest price\(others)"
    }

    private func availabilityReason(_ found: QuoteAssessment) -> String {
        guard case .from = found.availability else { return "availability \(found.availability.words)" }
        let known = self.ranked.filter { if case .from = $0.availability { true } else { false } }
        let isEarliest = known.allSatisfy { $0.availability.order >= found.availability.order }
        let isAlone = known.count { $0.availability == found.availability } == 1
        guard isEarliest, known.count > 1 else { return "available \(found.availability.words)" }
        return isAlone
            ? "earliest: available \(found.availability.words)"
            : "as early as any: available \(found.availability.words)"
    }

    /// One sentence.
    var summary: String {
        guard let first = self.ranked.first else { return "There is no quote with a price." }
        let currencies = self.currencies.sorted().joined(separator: " and ")
        let caution = self.currencies.count > 1 ? "; prices in \(currencies) are not compared with each other" : ""
        guard let best = self.best else {
            if first.availability == .unavailable { return "No quote can be recommended: none can be had\(caution)." }
            return "No quote can be recommended\(caution)."
        }
        let reasons = self.reasons(for: best).joined(separator: ", ")
        if self.ranked.count == 1 {
            return "\(best.name) is the only quote: \(best.priceText) (\(reasons))."
        }
        let key = self.criteria.order[0].rawValue
        return "\(best.name) is the best of \(self.ranked.count) by \(key): \(best.priceText), \(reasons)\(caution)."
    }
}
