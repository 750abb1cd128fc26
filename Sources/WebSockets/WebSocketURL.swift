import NIOCore

/// A ws or wss URL, taken apart.
struct WebSocketURL: Sendable, Equatable {
    var isSecure: Bool
    /// Without the brackets of an IPv6 address.
    var host: String
    var port: Int
    /// What the `Host` header says.
    var authority: String
    /// Path and query, as the request line has them.
    var target: String

    /// The name for SNI and verification; nil for an IP address, which TLS does not name.
    var serverName: String? {
        (try? SocketAddress(ipAddress: self.host, port: self.port)) == nil ? self.host : nil
    }

    /// - Throws: `WebSocketError` with code `badURL`.
    init(_ url: String) throws(WebSocketError) {
        func bad(_ detail: String) -> WebSocketError { WebSocketError(.badURL, detail: detail) }

        guard let schemeEnd = url.firstRange(of: "://") else { throw bad("no scheme") }
        switch url[..<schemeEnd.lowerBound].lowercased() {
        case "ws": self.isSecure = false
        case "wss": self.isSecure = true
        default: throw bad("the scheme is not ws or wss")
        }
        let rest = url[schemeEnd.upperBound...].prefix { $0 != "#" }
        guard rest.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f }) else { throw bad("a character that must be escaped") }
        let authority = rest.prefix { $0 != "/" && $0 != "?" }
        let target = rest[authority.endIndex...]
        self.authority = String(authority)
        self.target = target.hasPrefix("/") ? String(target) : "/" + target

        guard !authority.contains("@") else { throw bad("user information") }
        let hostEnd: Substring.Index
        if authority.hasPrefix("["), let bracket = authority.firstIndex(of: "]") {
            self.host = String(authority[authority.index(after: authority.startIndex)..<bracket])
            hostEnd = authority.index(after: bracket)
        } else {
            hostEnd = authority.firstIndex(of: ":") ?? authority.endIndex
            self.host = String(authority[..<hostEnd])
        }
        guard !self.host.isEmpty else { throw bad("no host") }
        switch authority[hostEnd...] {
        case "":
            self.port = self.isSecure ? 443 : 80
        case let text:
            guard text.hasPrefix(":"), let port = UInt16(text.dropFirst()), port > 0 else { throw bad("the port") }
            self.port = Int(port)
        }
    }
}
