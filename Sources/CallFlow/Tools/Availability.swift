import CallEvents

/// When something can be had, as far as the business's words tell: English words and ISO dates.
enum Availability: Equatable, Sendable {
    /// Not before this, on the business's clock.
    case from(LocalDate, LocalTime)
    /// Nothing was said, or nothing that names a day, or a day that has passed.
    case unknown
    /// The business said that it cannot be had.
    case unavailable

    /// - Parameter quote: its words are those of the day on which it was taken.
    init(of quote: Quote, in context: ToolContext) {
        let now = context.now
        let taken = Timestamp.us(rfc3339: quote.quotedAt).map { (context.timeZone ?? .utc).local(us: $0) }
        self.init(quote.availability, saidAt: taken ?? now)
        if case .from(let date, _) = self, date < context.earliestToday { self = .unknown }
    }

    /// - Parameter saidAt: what `today` and `now` are.
    init(_ words: String, saidAt now: (date: LocalDate, time: LocalTime)) {
        var earliest: (date: LocalDate, time: LocalTime)?
        var isRefused = false
        for clause in Self.clauses(words) {
            var reader = AvailabilityReader(words: clause, now: now)
            reader.read()
            isRefused = isRefused || reader.isRefused
            for found in reader.found where earliest.map({ found < $0 }) ?? true { earliest = found }
        }
        if let earliest {
            self = .from(earliest.date, earliest.time)
        } else {
            self = isRefused ? .unavailable : .unknown
        }
    }

    /// Longer texts are read so far.
    private static let maxWords = 200

    /// Words in lower case, by clause.
    private static func clauses(_ text: String) -> [[String]] {
        var plain = text.prefix(2000).lowercased()
        for (written, meant) in [("’", "'"), ("a.m.", "am"), ("p.m.", "pm")] {
            plain = plain.replacing(written, with: meant)
        }
        var clauses: [[String]] = [[]]
        for word in plain.split(whereSeparator: \.isWhitespace).prefix(Self.maxWords) {
            let bare = word.trimmed { !($0.isLetter || $0.isNumber) }
            // "Dec. 3" goes on.
            let isShort = AvailabilityReader.month(String(bare)) != nil && word.last == "."
            let ends = !isShort && (word.last.map { ",;.!?".contains($0) } ?? false)
            if bare == "but" || bare == "otherwise" {
                clauses.append([])
            } else if !bare.isEmpty {
                clauses[clauses.count - 1].append(String(bare))
            }
            if ends { clauses.append([]) }
        }
        return clauses
    }

    /// For comparison: minutes of the business's clock since 1970; what is not known comes behind everything that is, and
    /// what cannot be had comes last.
    var order: Int64 {
        switch self {
        case .from(let date, let time): Int64(date.days) * 1440 + Int64(time.minutes)
        case .unknown: .max - 1
        case .unavailable: .max
        }
    }

    var words: String {
        switch self {
        case .from(let date, let time):
            time.minutes == 0 ? "from \(date.longText)" : "from \(date.longText) at \(time.text)"
        case .unknown: "not known"
        case .unavailable: "not available"
        }
    }
}

extension Substring {
    fileprivate func trimmed(_ isOuter: (Character) -> Bool) -> Substring {
        var rest = self.drop(while: isOuter)
        while let last = rest.last, isOuter(last) { rest.removeLast() }
        return rest
    }
}
