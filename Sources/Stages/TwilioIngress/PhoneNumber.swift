/// An E.164 number: `+`, a digit that is not 0, and 1 to 14 more digits. It is not printed by accident.
package struct PhoneNumber: Sendable, Hashable, CustomStringConvertible {
    package let e164: String

    package init?(_ text: String) {
        let bytes = text.utf8
        guard (3...16).contains(bytes.count), bytes.first == UInt8(ascii: "+"),
            bytes.dropFirst().first != UInt8(ascii: "0"),
            bytes.dropFirst().allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
        else { return nil }
        self.e164 = text
    }

    package var description: String { "a phone number" }
}
