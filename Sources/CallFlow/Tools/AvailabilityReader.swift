/// Finds the days that one clause of the business's words names.
struct AvailabilityReader {
    typealias Moment = (date: LocalDate, time: LocalTime)

    private let words: [String]
    private let now: Moment
    /// Of the clause: `2 pm`, `afternoon`; nil when it names none.
    private let time: LocalTime?

    private(set) var found: [Moment] = []
    /// The clause says that something cannot be had.
    private(set) var isRefused = false

    init(words: [String], now: Moment) {
        self.words = words
        self.now = now
        self.time = Self.time(in: words)
    }

    mutating func read() {
        for index in self.words.indices {
            guard let date = self.date(at: index) else { continue }
            if self.isNegated(index) {
                self.isRefused = true
            } else {
                self.add(date)
            }
        }
        let words = self.words
        let says = { (word: String) in words.contains(word) }
        if self.found.isEmpty {
            let isNone = Self.negations.contains(where: says) && Self.things.contains(where: says)
            self.isRefused = self.isRefused || isNone || ["unavailable", "sold", "booked"].contains(where: says)
            if !self.isRefused, let time = self.time {
                // "In the morning" is tomorrow's when this one is over.
                let isOver = time < self.now.time && !says("this")
                self.add(LocalDate(days: self.now.date.days + (isOver ? 1 : 0)))
            }
        }
    }

    private mutating func add(_ date: LocalDate) {
        let time = self.time ?? LocalTime(minutes: 0)
        self.found.append((date, date == self.now.date ? max(time, self.now.time) : time))
    }

    private func word(_ index: Int) -> String { self.words.indices.contains(index) ? self.words[index] : "" }

    private func day(_ ahead: Int) -> LocalDate { LocalDate(days: self.now.date.days + ahead) }

    /// The day that the word at `index` names, with those around it.
    private func date(at index: Int) -> LocalDate? {
        let word = self.word(index)
        switch word {
        case "today", "tonight", "immediately", "immediate", "instantly", "asap", "anytime", "same-day",
            "walk-in",
            "walk-ins":
            return self.now.date
        case "now": return self.word(index - 1) == "from" ? nil : self.now.date
        case "away": return self.word(index - 1) == "right" ? self.now.date : nil
        case "day": return self.word(index - 1) == "same" || self.word(index - 1) == "any" ? self.now.date : nil
        case "time": return self.word(index - 1) == "any" ? self.now.date : nil
        case "morning", "afternoon", "evening": return self.word(index - 1) == "this" ? self.now.date : nil
        case "tomorrow": return self.day(self.word(index - 1) == "after" && self.word(index - 2) == "day" ? 2 : 1)
        case "weekend": return self.next(weekday: 6, isNext: self.word(index - 1) == "next")
        case "week" where self.word(index - 1) == "next": return self.next(weekday: 1, isNext: true)
        case "week" where self.word(index - 1) == "this": return self.now.date
        case "month" where self.word(index - 1) == "next": return self.nextMonth
        default: break
        }
        if let weekday = Self.weekday(word) {
            return self.next(weekday: weekday, isNext: self.word(index - 1) == "next")
        }
        return LocalDate(iso: word.prefix(10)) ?? self.date(ofMonthAt: index) ?? self.dateAhead(unitAt: index)
    }

    private func next(weekday: Int, isNext: Bool) -> LocalDate {
        let ahead = (weekday - self.now.date.weekday + 7) % 7
        return self.day(ahead == 0 && isNext ? 7 : ahead)
    }

    private var nextMonth: LocalDate? {
        let (year, month, _) = self.now.date.parts
        return month == 12
            ? LocalDate(year: year + 1, month: 1, day: 1) : LocalDate(year: year, month: month + 1, day: 1)
    }

    /// `december 3rd`, `3 december 2026`, `in december`.
    private func date(ofMonthAt index: Int) -> LocalDate? {
        guard let month = Self.month(self.word(index)) else { return nil }
        let before = self.word(index - 1) == "of" ? index - 2 : index - 1
        let after = Self.dayOfMonth(self.word(index + 1))
        let isAlone = ["in", "mid", "early", "late"].contains(self.word(index - 1))
        guard let day = after ?? Self.dayOfMonth(self.word(before)) ?? (isAlone ? 1 : nil) else { return nil }
        let stated = Int(digits: self.word(index + (after == nil ? 1 : 2)))
        if let stated, stated > 1999 { return LocalDate(year: stated, month: month, day: day) }
        let year = self.now.date.parts.year
        let dates = [year, year + 1].compactMap { LocalDate(year: $0, month: month, day: day) }
        if isAlone, after == nil, month == self.now.date.parts.month { return self.now.date }
        return dates.first { $0 >= self.now.date }
    }

    /// `in 2 hours`, `within 3-5 days`, `a week`.
    private func dateAhead(unitAt index: Int) -> LocalDate? {
        let unit = self.word(index)
        guard let length = Self.units[unit.hasSuffix("s") ? String(unit.dropLast()) : unit] else { return nil }
        var first = index - 1
        if self.word(first) == "business" || self.word(first) == "working" { first -= 1 }
        if self.word(first) == "of" { first -= 1 }
        let number = self.word(first)
        guard let count = Self.count(number) else { return nil }
        // "7 days a week", and how long the work itself takes.
        let isRate = ["a", "an", "per", "each", "every"].contains(self.word(index + 1))
        let isEach = ["a", "an"].contains(number) && Self.isUnitOrTimes(self.word(first - 1))
        let isLength = (first - 3..<first).contains { Self.lengths.contains(self.word($0)) }
        let isThing = ["job", "service", "warranty", "guarantee", "window", "slot", "appointment", "old"]
            .contains(self.word(index + 1))
        guard !isRate, !isEach, !isLength, !isThing else { return nil }
        let minutes = self.now.time.minutes + count * length
        return length < 1440 ? self.day(minutes / 1440) : self.day(count * length / 1440)
    }

    private func isNegated(_ index: Int) -> Bool {
        for place in stride(from: index - 1, through: 0, by: -1) {
            if ["until", "till", "before", "til"].contains(self.words[place]) { return false }
            if Self.negations.contains(self.words[place]) { return true }
        }
        return false
    }
}

// The words.
extension AvailabilityReader {
    private static let negations: Set<String> = [
        "not", "no", "nothing", "none", "never", "isn't", "can't", "cannot", "won't", "don't", "aren't", "closed",
        "except", "full",
        "fully", "booked", "unavailable", "without",
    ]
    private static let things: Set<String> = [
        "available", "availability", "opening", "openings", "slot", "slots", "appointment", "appointments", "stock",
        "time",
        "times", "room", "capacity",
    ]
    private static let lengths: Set<String> = ["take", "takes", "taking", "last", "lasts", "for", "duration"]
    /// Minutes.
    private static let units = [
        "minute": 1, "min": 1, "hour": 60, "hr": 60, "day": 1440, "week": 10_080, "month": 43_200,
    ]
    private static let months = [
        "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
        "december",
    ]
    private static let numbers = [
        "a": 1, "an": 1, "one": 1, "couple": 2, "two": 2, "few": 3, "three": 3, "four": 4, "five": 5, "six": 6,
        "seven": 7,
        "eight": 8, "nine": 9, "ten": 10,
    ]

    private static func isUnitOrTimes(_ word: String) -> Bool {
        ["once", "twice", "times"].contains(word)
            || self.units[word.hasSuffix("s") ? String(word.dropLast()) : word] != nil
    }

    /// `3`, `three`, and of `3-5` the 3; at most a thousand.
    private static func count(_ word: String) -> Int? {
        let first = word.split(whereSeparator: { "-–".contains($0) }).first ?? ""
        guard let count = Int(digits: first) ?? self.numbers[word], count <= 1000 else { return nil }
        return count
    }

    private static func dayOfMonth(_ word: String) -> Int? {
        let digits = word.prefix { $0.isNumber }
        guard ["", "st", "nd", "rd", "th"].contains(word.dropFirst(digits.count)), digits.utf8.count <= 2 else {
            return nil
        }
        return Int(digits: digits)
    }

    private static func weekday(_ word: String) -> Int? {
        let name = word.hasSuffix("'s") ? word.dropLast(2) : word.hasSuffix("days") ? word.dropLast() : word[...]
        return LocalDate.weekdays.firstIndex { weekday in
            let full = weekday.lowercased()
            return name == full
                || (["mon", "tue", "tues", "wed", "thu", "thur", "thurs", "fri", "sat", "sun"].contains(name)
                    && full.hasPrefix(name))
        }
    }

    static func month(_ word: String) -> Int? {
        let short = word.prefix(3)
        guard
            let index = self.months.firstIndex(where: {
                $0 == word || ($0.hasPrefix(short) && word.count == 3) || (word == "sept" && $0 == "september")
            })
        else { return nil }
        return index + 1
    }

    private static func time(in words: [String]) -> LocalTime? {
        for (index, word) in words.enumerated() {
            if let time = LocalTime(word), word != "midnight" { return time }
            if index + 1 < words.count, ["am", "pm"].contains(words[index + 1]),
                let time = LocalTime(word + words[index + 1])
            {
                return time
            }
            if let separator = word.firstIndex(of: "t"), LocalDate(iso: word[..<separator]) != nil {
                return LocalTime(String(word[separator...].dropFirst().prefix(5)))
            }
        }
        for (word, hour) in [("morning", 8), ("afternoon", 12), ("evening", 17), ("tonight", 18)]
        where words.contains(word) {
            return LocalTime(minutes: hour * 60)
        }
        return nil
    }
}
