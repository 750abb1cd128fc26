/// An amount of money without its currency, exact: it is counted in ten-millionths, so that also the middle between two
/// prices of six digits behind the point is exact.
struct Amount: Hashable, Comparable, Sendable {
    /// Ten-millionths.
    var units: Int64

    static let zero = Amount(units: 0)
    private static let digits = 7

    init(units: Int64) {
        self.units = units
    }

    init(whole: Int) {
        self.units = Int64(whole) * 10_000_000
    }

    /// - Parameter decimal: such as `45.00`: up to nine digits, a point, and up to seven more.
    init?(_ decimal: String) {
        let parts = decimal.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, let whole = Int(digits: parts[0]) else { return nil }
        let fraction = parts.count == 2 ? parts[1] : "0"
        guard fraction.utf8.count <= Self.digits,
            let part = Int(digits: fraction + String(repeating: "0", count: Self.digits - fraction.utf8.count))
        else { return nil }
        self.units = Int64(whole) * 10_000_000 + Int64(part)
    }

    static func < (left: Amount, right: Amount) -> Bool { left.units < right.units }

    /// With at least two digits behind the point, and no more than it takes.
    var decimalText: String {
        let (whole, part) = self.units.quotientAndRemainder(dividingBy: 10_000_000)
        var fraction = Int(part).padded(Self.digits)
        while fraction.count > 2, fraction.hasSuffix("0") { fraction.removeLast() }
        return "\(whole).\(fraction)"
    }
}

extension Sequence<Amount> {
    /// The one in the middle, or what lies in the middle between two; nil when there is none.
    var median: Amount? {
        let sorted = self.sorted()
        guard let upper = sorted.dropFirst(sorted.count / 2).first else { return nil }
        guard sorted.count.isMultiple(of: 2) else { return upper }
        return Amount(units: (sorted[sorted.count / 2 - 1].units + upper.units) / 2)
    }
}
