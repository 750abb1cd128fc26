/// A day of the Gregorian calendar, of no particular time zone, in the years 1 to 9999.
package struct LocalDate: Hashable, Comparable, Sendable {
    /// Since 1970-01-01.
    package var days: Int

    package init(days: Int) {
        self.days = days
    }

    /// - Returns: nil when there is no such day.
    package init?(year: Int, month: Int, day: Int) {
        guard (1...9999).contains(year), (1...12).contains(month), (1...31).contains(day) else { return nil }
        // Years begin in March here, so that the leap day is a year's last.
        let shifted = month > 2 ? year : year - 1
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        self.days = shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
        guard self.parts == (year, month, day) else { return nil }
    }

    /// - Parameter iso: exactly `YYYY-MM-DD`.
    package init?(iso: some StringProtocol) {
        let parts = iso.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.map(\.utf8.count) == [4, 2, 2] else { return nil }
        let numbers = parts.compactMap { Int(digits: $0) }
        guard numbers.count == 3 else { return nil }
        self.init(year: numbers[0], month: numbers[1], day: numbers[2])
    }

    package var parts: (year: Int, month: Int, day: Int) {
        let shifted = self.days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    /// 0 is Sunday.
    package var weekday: Int { ((self.days + 4) % 7 + 7) % 7 }

    package static let weekdays = ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"]

    /// `2026-12-01`.
    package var text: String {
        let (year, month, day) = self.parts
        return "\(year.padded(4))-\(month.padded(2))-\(day.padded(2))"
    }

    /// `Tuesday, 2026-12-01`.
    package var longText: String { "\(Self.weekdays[self.weekday]), \(self.text)" }

    package static func < (left: LocalDate, right: LocalDate) -> Bool { left.days < right.days }
}

/// A time of day, to the minute.
package struct LocalTime: Hashable, Comparable, Sendable {
    /// Since midnight, 0 ..< 1440.
    package var minutes: Int

    /// `14:00`.
    package var text: String { "\((self.minutes / 60).padded(2)):\((self.minutes % 60).padded(2))" }

    package static func < (left: LocalTime, right: LocalTime) -> Bool { left.minutes < right.minutes }

    init(minutes: Int) {
        self.minutes = minutes
    }

    /// `2:00 PM`, `2 p.m.`, `14:00`, `noon`; a single digit without AM or PM could be either, and is none.
    init?(_ text: String) {
        let squeezed = text.lowercased().filter { !$0.isWhitespace }
        if let minutes = ["noon": 720, "12noon": 720, "midnight": 0][squeezed] {
            self.minutes = minutes
            return
        }
        let digits = squeezed.prefix { !$0.isLetter }
        let half = squeezed.dropFirst(digits.count).filter { $0 != "." }
        let parts = digits.split(separator: ":", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Int(digits: $0) }
        guard (1...3).contains(numbers.count), numbers.count == parts.count, numbers.allSatisfy({ $0 < 60 }),
            parts[0].utf8.count <= 2, parts.dropFirst().allSatisfy({ $0.utf8.count == 2 })
        else { return nil }
        var hour = numbers[0]
        switch half {
        case "": guard parts.count > 1, parts[0].utf8.count == 2 else { return nil }
        case "am":
            guard (1...12).contains(hour) else { return nil }
            hour %= 12
        case "pm":
            guard hour >= 1 else { return nil }
            if hour < 12 { hour += 12 }
        default: return nil
        }
        guard hour < 24 else { return nil }
        self.minutes = hour * 60 + (numbers.count > 1 ? numbers[1] : 0)
    }
}

extension Int {
    /// Of ASCII digits only, at most nine.
    init?(digits: some StringProtocol) {
        let bytes = digits.utf8
        guard (1...9).contains(bytes.count), bytes.allSatisfy({ (0x30...0x39).contains($0) }) else { return nil }
        self = bytes.reduce(0) { $0 * 10 + Int($1 - 0x30) }
    }

    /// Not negative, with zeros in front.
    func padded(_ width: Int) -> String {
        let text = String(self)
        return String(repeating: "0", count: Swift.max(0, width - text.count)) + text
    }
}
