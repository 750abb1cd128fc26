/// Twilio's identifier of one phone call: `CA` and 32 hexadecimal digits. It is the key of every Kafka record.
package struct CallSid: Hashable, Sendable, CustomStringConvertible {
    package let rawValue: String

    /// - Returns: nil unless `rawValue` is `CA` followed by 32 hexadecimal digits.
    package init?(_ rawValue: String) {
        let bytes = rawValue.utf8
        guard bytes.count == 34, rawValue.hasPrefix("CA"),
            bytes.dropFirst(2).allSatisfy({ byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
                    || (UInt8(ascii: "A")...UInt8(ascii: "F")).contains(byte)
            })
        else { return nil }
        self.rawValue = rawValue
    }

    package var description: String { self.rawValue }
}
