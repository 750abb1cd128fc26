import FoundationEssentials

/// An absolute URL of the customer's, kept as the text that was given: what is signed must not be written anew.
package struct WebhookURL: Sendable, Equatable {
    /// Without the fragment, which is never sent.
    package let text: String
    package let fragment: String?
    /// In lower case.
    package let scheme: String
    package let host: String
    package let user: String?
    package let password: String?
    private let afterAuthority: Substring
    private let hostAndPort: Substring

    /// - Parameter base: what a relative `text` is relative to.
    /// - Returns: nil unless the result is absolute, with a host.
    package init?(_ text: String, relativeTo base: WebhookURL? = nil) {
        var text = text
        if text.firstRange(of: "://") == nil {
            guard let base, let url = URL(string: text, relativeTo: URL(string: base.text)) else { return nil }
            text = url.absoluteString
        }
        guard text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), let components = URLComponents(string: text),
            let scheme = components.scheme, let host = components.host, !host.isEmpty,
            let authorityStart = text.firstRange(of: "://")?.upperBound
        else { return nil }
        let beforeFragment = text.prefix { $0 != "#" }
        self.text = String(beforeFragment)
        self.fragment = components.fragment
        self.scheme = scheme.lowercased()
        self.host = host
        self.user = components.user
        self.password = components.password
        let authorityEnd = beforeFragment[authorityStart...].firstIndex { "/?".contains($0) } ?? beforeFragment.endIndex
        let authority = beforeFragment[authorityStart..<authorityEnd]
        let hostStart = authority.lastIndex(of: "@").map(authority.index(after:)) ?? authority.startIndex
        self.hostAndPort = authority[hostStart...]
        self.afterAuthority = beforeFragment[authorityEnd...]
    }

    package var isLoopback: Bool { ["localhost", "127.0.0.1", "::1", "[::1]"].contains(self.host) }
    package var hasQuery: Bool { self.afterAuthority.contains("?") }

    /// Without user and password: what goes out.
    package var request: String { "\(self.scheme)://\(self.hostAndPort)\(self.afterAuthority)" }

    /// What is signed: as sent, and for https without the port.
    package var signed: String {
        guard self.scheme == "https", let colon = self.hostAndPort.lastIndex(of: ":"),
            self.hostAndPort[colon...].dropFirst().allSatisfy(\.isNumber)
        else { return self.request }
        return "https://\(self.hostAndPort[..<colon])\(self.afterAuthority)"
    }

    /// With these fields added to the query, for a GET.
    package func adding(query: String) -> WebhookURL? {
        guard !query.isEmpty else { return self }
        return WebhookURL(self.text + (self.hasQuery ? "&" : "?") + query)
    }

    /// For the socket of a stream: a relative URL takes the document's host, with the socket's scheme.
    package static func stream(_ text: String, document: WebhookURL?) -> WebhookURL? {
        guard let url = WebhookURL(text, relativeTo: document) else { return nil }
        guard text.firstRange(of: "://") == nil else { return url }
        return WebhookURL((url.scheme == "http" ? "ws" : "wss") + url.text.dropFirst(url.scheme.count))
    }
}
