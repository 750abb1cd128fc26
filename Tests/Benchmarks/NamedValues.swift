import ArgumentParser

/// Options of the form `name=value`.
enum NamedValues {
    /// The last of a name counts.
    static func dictionary(_ texts: some Sequence<String>) -> [String: String] {
        Dictionary(
            texts.map { text in
                let parts = text.split(separator: "=", maxSplits: 1)
                return (String(parts[0]), parts.count > 1 ? String(parts[1]) : "")
            },
            uniquingKeysWith: { $1 }
        )
    }

    static func validate(_ texts: some Sequence<String>) throws {
        if let wrong = texts.first(where: { !$0.contains("=") || $0.hasPrefix("=") }) {
            throw ValidationError("name=value is expected, not \(wrong)")
        }
    }
}
