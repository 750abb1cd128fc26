import CallFlow
import Foundation

extension TimeZoneRules {
    static let directory = "/usr/share/zoneinfo"

    /// - Parameter name: an IANA name, such as `America/New_York`.
    /// - Returns: nil when this machine does not know it.
    init?(installed name: String) {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        let areNames = parts.allSatisfy { part in
            part.first?.isLetter == true
                && part.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || "_-+".contains($0)) }
        }
        // Names without a place, such as EST5EDT, are laws that no place has any more.
        guard areNames, parts.count > 1 || name == "UTC",
            let file = FileManager.default.contents(atPath: "\(Self.directory)/\(name)")
        else { return nil }
        self.init(name: name, tzif: Array(file))
    }
}
