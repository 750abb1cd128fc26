/// The rule at the end of a TZif file, such as `EST5EDT,M3.2.0,M11.1.0`: RFC 9636, section 3.3.1.
struct PosixTimeZone: Sendable, Equatable {
    /// Seconds east of UTC.
    private var standard: Int
    private var summer: Summer?

    private struct Summer: Sendable, Equatable {
        var offset: Int
        var start: Day
        var end: Day
    }

    /// A day of the year, and seconds from its midnight.
    private struct Day: Sendable, Equatable {
        enum Rule: Sendable, Equatable {
            /// 1 … 365, without the leap day.
            case julian(Int)
            /// 0 … 365.
            case number(Int)
            /// The `week`th `weekday` of the month; 5 is the last.
            case weekday(month: Int, week: Int, weekday: Int)
        }
        var rule: Rule
        var seconds: Int
    }

    init?(_ text: String) {
        var rest = Substring(text)
        guard Self.skipName(&rest), let west = Self.time(&rest) else { return nil }
        self.standard = -west
        if rest.isEmpty { return }
        guard Self.skipName(&rest) else { return nil }
        let offset = rest.hasPrefix(",") ? self.standard + 3600 : Self.time(&rest).map { -$0 }
        guard let offset, let start = Self.day(&rest), let end = Self.day(&rest), rest.isEmpty else { return nil }
        self.summer = Summer(offset: offset, start: start, end: end)
    }

    /// - Parameter seconds: Unix time.
    func offset(at seconds: Int64) -> Int {
        guard let summer = self.summer else { return self.standard }
        let local = TimeZoneRules.clock(seconds + Int64(self.standard))
        let year = local.date.parts.year
        let start = Self.seconds(of: summer.start, in: year) - Int64(self.standard)
        let end = Self.seconds(of: summer.end, in: year) - Int64(summer.offset)
        let isSummer = start < end ? (start..<end).contains(seconds) : !(end..<start).contains(seconds)
        return isSummer ? summer.offset : self.standard
    }

    /// Seconds from 1970 on the clock of that moment.
    private static func seconds(of day: Day, in year: Int) -> Int64 {
        // Years outside of the calendar never come here but by a clock that is wrong by thousands of years.
        let first = LocalDate(year: min(max(year, 1), 9999), month: 1, day: 1)?.days ?? 0
        let days: Int
        switch day.rule {
        case .number(let number): days = first + number
        case .julian(let number):
            let isLeap = LocalDate(year: year, month: 2, day: 29) != nil
            days = first + number - 1 + (isLeap && number > 59 ? 1 : 0)
        case .weekday(let month, let week, let weekday):
            let begin = LocalDate(year: min(max(year, 1), 9999), month: month, day: 1) ?? LocalDate(days: first)
            var found = begin.days + (weekday - begin.weekday + 7) % 7 + (week - 1) * 7
            if week == 5, LocalDate(days: found).parts.month != month { found -= 7 }
            days = found
        }
        return Int64(days) * 86_400 + Int64(day.seconds)
    }

    /// `EST` or `<+03>`.
    private static func skipName(_ rest: inout Substring) -> Bool {
        if rest.hasPrefix("<") {
            guard let end = rest.firstIndex(of: ">") else { return false }
            rest = rest[rest.index(after: end)...]
            return true
        }
        let name = rest.prefix { $0.isLetter }
        rest = rest.dropFirst(name.count)
        return name.count >= 3
    }

    /// `-5:30` in seconds.
    private static func time(_ rest: inout Substring) -> Int? {
        let isNegative = rest.hasPrefix("-")
        if isNegative || rest.hasPrefix("+") { rest = rest.dropFirst() }
        var seconds = 0
        for (index, unit) in [3600, 60, 1].enumerated() {
            if index > 0 {
                guard rest.hasPrefix(":") else { break }
                rest = rest.dropFirst()
            }
            guard let number = Self.number(&rest), number <= 167 else { return nil }
            seconds += number * unit
        }
        return isNegative ? -seconds : seconds
    }

    private static func day(_ rest: inout Substring) -> Day? {
        guard rest.hasPrefix(",") else { return nil }
        rest = rest.dropFirst()
        let rule: Day.Rule
        if rest.hasPrefix("M") {
            rest = rest.dropFirst()
            guard let month = Self.number(&rest), (1...12).contains(month), rest.hasPrefix(".") else { return nil }
            rest = rest.dropFirst()
            guard let week = Self.number(&rest), (1...5).contains(week), rest.hasPrefix(".") else { return nil }
            rest = rest.dropFirst()
            guard let weekday = Self.number(&rest), (0...6).contains(weekday) else { return nil }
            rule = .weekday(month: month, week: week, weekday: weekday)
        } else if rest.hasPrefix("J") {
            rest = rest.dropFirst()
            guard let number = Self.number(&rest), (1...365).contains(number) else { return nil }
            rule = .julian(number)
        } else {
            guard let number = Self.number(&rest), (0...365).contains(number) else { return nil }
            rule = .number(number)
        }
        guard rest.hasPrefix("/") else { return Day(rule: rule, seconds: 7200) }
        rest = rest.dropFirst()
        return Self.time(&rest).map { Day(rule: rule, seconds: $0) }
    }

    private static func number(_ rest: inout Substring) -> Int? {
        let digits = rest.prefix { $0.isASCII && $0.isNumber }
        rest = rest.dropFirst(digits.count)
        return Int(digits: digits)
    }
}
