/// What the customer cares for, in the order of importance.
struct QuoteCriteria: Equatable {
    enum Criterion: String, CaseIterable, Equatable {
        case price, availability, completeness
    }

    /// All of them: those that were named, in the order in which they were, then the others.
    var order: [Criterion]
    /// How many were named.
    var named: Int

    /// - Parameter words: the model's; the plain case is price.
    init(_ words: String) {
        var named: [Criterion] = []
        for clause in words.prefix(1000).lowercased().split(whereSeparator: { ",;.!?".contains($0) }) {
            let tokens = clause.split(whereSeparator: { !($0.isLetter || $0 == "'") })
            if Self.dismissals.contains(where: { clause.contains($0) }) { continue }
            for token in tokens {
                guard let criterion = Self.stems.first(where: { stem, _ in token.hasPrefix(stem) })?.1,
                    !named.contains(criterion)
                else { continue }
                named.append(criterion)
            }
        }
        self.named = named.count
        self.order = named + Criterion.allCases.filter { !named.contains($0) }
    }

    private static let stems: [(String, Criterion)] = [
        ("pric", .price), ("cheap", .price), ("cost", .price), ("lowest", .price), ("budget", .price),
        ("afford", .price),
        ("expens", .price), ("money", .price), ("total", .price), ("inexpens", .price),
        ("avail", .availability), ("soon", .availability), ("earl", .availability), ("fast", .availability),
        ("quick", .availability), ("date", .availability), ("when", .availability), ("time", .availability),
        ("today", .availability), ("tomorrow", .availability), ("asap", .availability), ("urgen", .availability),
        ("immediat", .availability), ("speed", .availability),
        ("complet", .completeness), ("detail", .completeness), ("includ", .completeness), ("thorough", .completeness),
    ]

    private static let dismissals = [
        "regardless of", "no matter", "does not matter", "doesn't matter", "not important", "unimportant", "don't care",
        "not care", "whatever the",
    ]
}
