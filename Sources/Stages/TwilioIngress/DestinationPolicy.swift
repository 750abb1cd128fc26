/// Which numbers may be called: those that begin with one of some prefixes.
///
/// A guard against toll fraud, besides Twilio's own geographic permissions. A country code is a prefix of all of its
/// zone: `+1` is the United States and Canada, and also the Caribbean; `+1212` is narrower.
package struct DestinationPolicy: Sendable, Equatable {
    /// Each `+` and digits; empty when every number may be called.
    private let prefixes: [String]

    /// Every number may be called.
    package static let everywhere = DestinationPolicy(prefixes: [])

    /// The numbering zone of `number`: its country code.
    package init(countryOf number: PhoneNumber) {
        self.init(prefixes: ["+" + CallingCode.of(number)])
    }

    private init(prefixes: [String]) { self.prefixes = prefixes }

    /// - Parameter text: `*`, or comma separated prefixes such as `+1,+4420`.
    /// - Returns: nil when it is neither.
    package init?(_ text: String) {
        let listed = text.split(separator: ",").map { $0.filter { !$0.isWhitespace } }.filter { !$0.isEmpty }
        if listed == ["*"] {
            self = .everywhere
            return
        }
        guard !listed.isEmpty, listed.allSatisfy(Self.isPrefix) else { return nil }
        self.init(prefixes: listed)
    }

    package func allows(_ number: PhoneNumber) -> Bool {
        self.prefixes.isEmpty || self.prefixes.contains { number.e164.hasPrefix($0) }
    }

    /// Such as `+1 or +44`.
    package var listed: String { self.prefixes.joined(separator: " or ") }

    private static func isPrefix(_ text: String) -> Bool {
        let digits = text.utf8.dropFirst()
        return text.hasPrefix("+") && (1...15).contains(digits.count) && digits.first != UInt8(ascii: "0")
            && digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }
}

/// ITU-T E.164: a number begins with a country code of one to three digits, and no code is the beginning of another.
enum CallingCode {
    /// Zones 1 and 7 are one code each; all other codes have two digits if they are here, else three.
    private static let twoDigits: Set<String> = [
        "20", "27", "30", "31", "32", "33", "34", "36", "39", "40", "41", "43", "44", "45", "46", "47", "48", "49",
        "51", "52", "53", "54", "55", "56", "57", "58", "60", "61", "62", "63", "64", "65", "66", "81", "82", "84",
        "86", "90", "91", "92", "93", "94", "95", "98",
    ]

    static func of(_ number: PhoneNumber) -> String {
        let digits = number.e164.dropFirst()
        if digits.hasPrefix("1") || digits.hasPrefix("7") { return String(digits.prefix(1)) }
        let two = String(digits.prefix(2))
        return self.twoDigits.contains(two) ? two : String(digits.prefix(3))
    }
}
