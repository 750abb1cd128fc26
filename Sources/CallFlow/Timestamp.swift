import FoundationEssentials

/// Unix microseconds as RFC 3339 text in UTC, to the millisecond.
package enum Timestamp {
    package static func rfc3339(us: Int64) -> String {
        // The style cuts, and binary fractions are a little below or above the decimal ones.
        Date(timeIntervalSince1970: (Double(us / 1000) + 0.25) / 1000)
            .formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    /// - Parameter text: RFC 3339, of any offset.
    /// - Returns: nil when it is none.
    package static func us(rfc3339 text: String) -> Int64? {
        let style = Date.ISO8601FormatStyle(includingFractionalSeconds: text.contains("."))
        guard let date = try? style.parse(text) else { return nil }
        let ms = (date.timeIntervalSince1970 * 1000).rounded()
        return abs(ms) < 1e15 ? Int64(ms) * 1000 : nil
    }
}
