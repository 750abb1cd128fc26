import FoundationEssentials

/// Unix microseconds as RFC 3339 text in UTC, to the millisecond.
package enum Timestamp {
    package static func rfc3339(us: Int64) -> String {
        Date(timeIntervalSince1970: Double(us / 1000) / 1000)
            .formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }
}
