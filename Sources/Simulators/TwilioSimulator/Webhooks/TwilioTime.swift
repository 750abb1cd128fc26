import FoundationEssentials

/// A moment, in the two ways Twilio writes one.
package struct TwilioTime: Sendable, Equatable {
    /// Since 1970.
    package let milliseconds: Int

    package init(milliseconds: Int) { self.milliseconds = milliseconds }

    package static var now: TwilioTime { TwilioTime(milliseconds: Int(Date().timeIntervalSince1970 * 1000)) }

    static let day = 86_400_000

    /// Reads `2026-11-23`, which is its midnight, or `2026-11-23T04:18:00Z`.
    package init?(parsing text: String) {
        let day = Date.ISO8601FormatStyle().year().month().day()
        guard let date = (try? Date(text, strategy: .iso8601)) ?? (text.count == 10 ? try? day.parse(text) : nil) else {
            return nil
        }
        self.milliseconds = Int(date.timeIntervalSince1970 * 1000)
    }

    /// `Mon, 23 Nov 2026 04:18:00 +0000`.
    package var rfc2822: String {
        let weekdays = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let date = self.date
        let weekday = weekdays[self.milliseconds / 86_400_000 % 7]
        return "\(weekday), \(padded(date.day, 2)) \(months[date.month - 1]) \(padded(date.year, 4)) \(self.time) +0000"
    }

    /// `2026-11-23T04:18:00.123Z`.
    package var iso8601: String {
        let date = self.date
        let fraction = padded(self.milliseconds % 1000, 3)
        return "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))T\(self.time).\(fraction)Z"
    }

    private var time: String {
        let seconds = self.milliseconds / 1000 % 86400
        return "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
    }

    /// The Gregorian date, by counting 400-year eras that begin in March.
    private var date: (year: Int, month: Int, day: Int) {
        let days = self.milliseconds / 86_400_000 + 719_468
        let dayOfEra = days % 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + days / 146_097 * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * monthFromMarch + 2) / 5 + 1)
    }
}

private func padded(_ number: Int, _ width: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, width - digits.count)) + digits
}
