/// What the fragment of a webhook URL changes about its delivery, such as `#rc=2&rp=4xx,rt&tt=5000`.
///
/// `ct`, `sni` and `e` are accepted and change nothing here. What is out of range is ignored.
package struct ConnectionOverrides: Sendable, Equatable {
    package enum Reason: String, Sendable, CaseIterable {
        case clientError = "4xx"
        case serverError = "5xx"
        case connect = "ct"
        case read = "rt"
    }

    /// For all tries together.
    package var totalMs = 15000
    /// For each try.
    package var readMs = 15000
    package var retries = 1
    package var retryOn: Set<Reason> = [.connect]

    package init(fragment: String?) {
        for pair in (fragment ?? "").split(separator: "&") {
            guard let equals = pair.firstIndex(of: "=") else { continue }
            let value = pair[pair.index(after: equals)...]
            switch pair[..<equals] {
            case "tt":
                if let time = Int(value), (100...15000).contains(time) { self.totalMs = time }
            case "rt":
                if let time = Int(value), (100...15000).contains(time) { self.readMs = time }
            case "rc":
                if let count = Int(value), (0...5).contains(count) { self.retries = count }
            case "rp":
                let names = value.split(separator: ",").map(String.init)
                self.retryOn = names.contains("all") ? Set(Reason.allCases) : Set(names.compactMap(Reason.init))
            default:
                break
            }
        }
    }
}
