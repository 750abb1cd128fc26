/// An amount of money as somebody wrote it: `45`, `45.5`, `$45.00`, `1,250.00 USD`. Digits stay digits throughout; no
/// binary fraction is involved.
struct Price: Equatable {
    /// With at least two digits behind the point, and none that say nothing in front: `45.00`.
    var decimalText: String
    /// The currency that stood beside the number.
    var currency: String?

    /// - Returns: nil unless `text` is exactly one number that is not negative, below a billion, with at most six
    ///   digits behind the point, and at most one currency.
    init?(_ text: String) {
        let isOuter = { (character: Character) in !character.isNumber && !"-−.,(".contains(character) }
        let lead = text.prefix(while: isOuter)
        let number = text.dropFirst(lead.count).prefix { !isOuter($0) }
        let rest = text.dropFirst(lead.count + number.count)
        guard let digits = Self.decimal(number) else { return nil }
        self.decimalText = digits
        for unit in [lead, rest].map({ $0.filter { !$0.isWhitespace } }) where !unit.isEmpty {
            guard let code = Currency.code(unit), self.currency == nil || self.currency == code else { return nil }
            self.currency = code
        }
    }

    /// `1,250.5` → `1250.50`. A comma groups three digits, or is the decimal comma in front of the last one or two.
    private static func decimal(_ number: Substring) -> String? {
        guard number.allSatisfy({ $0.isASCII && ($0.isNumber || $0 == "." || $0 == ",") }) else { return nil }
        let points = number.split(separator: ".", omittingEmptySubsequences: false)
        guard points.count <= 2 else { return nil }
        var groups = points[0].split(separator: ",", omittingEmptySubsequences: false)
        var fraction = points.count == 2 ? points[1] : ""
        if points.count == 1, groups.count == 2, (1...2).contains(groups[1].count) {
            fraction = groups.removeLast()
        }
        guard !groups[0].isEmpty, groups.dropFirst().allSatisfy({ $0.count == 3 }),
            groups.count == 1 || groups[0].count <= 3, !fraction.contains(","), fraction.count <= 6
        else { return nil }
        let whole = String(groups.joined().drop { $0 == "0" })
        guard whole.count <= 9 else { return nil }
        var cents = String(fraction)
        while cents.count > 2, cents.hasSuffix("0") { cents.removeLast() }
        while cents.count < 2 { cents.append("0") }
        return "\(whole.isEmpty ? "0" : whole).\(cents)"
    }
}
