import TwilioMedia

/// The origin that Twilio calls us at, and so what its signatures cover: `https`, or `http` on loopback only.
///
/// It is never rebuilt from `Host` or `X-Forwarded-*`, which anyone can send.
package struct PublicURL: Sendable, Equatable {
    package enum Path {
        package static let twiml = "/api/voice/twiml"
        package static let stream = "/api/voice/stream"
        package static let status = "/api/voice/status"
        package static let streamStatus = "/api/voice/stream-status"
        package static let machineDetection = "/api/voice/amd"
    }

    /// Scheme, host and port, without a slash at the end.
    package let origin: String
    private let isSecure: Bool

    /// - Returns: nil unless `text` is such an origin; a slash at the end is dropped.
    package init?(_ text: String) {
        let origin = text.hasSuffix("/") ? String(text.dropLast()) : text
        let isSecure = origin.hasPrefix("https://")
        guard isSecure || origin.hasPrefix("http://") else { return nil }
        let authority = origin.dropFirst(isSecure ? 8 : 7)
        guard !authority.isEmpty,
            authority.utf8.allSatisfy({ byte in byte > 0x20 && byte < 0x7f && !"/?#@\\".utf8.contains(byte) })
        else { return nil }
        guard isSecure || Self.isLoopback(Self.host(of: authority)) else { return nil }
        self.origin = origin
        self.isSecure = isSecure
    }

    /// A request of Twilio's as it is signed.
    /// - Parameter path: also its query, raw.
    package func webhook(_ path: String) -> String { self.origin + path }

    /// What Twilio is told to call. The fragment, which is neither sent nor signed, has it try twice more when it gets
    /// no good answer, such as from an instance that has just died.
    package func callback(_ path: String, query: String = "") -> String {
        self.origin + path + (query.isEmpty ? "" : "?" + query) + "#rc=2&rp=5xx,ct,rt"
    }

    /// Where the Media Stream connects: `wss`, or `ws` on loopback.
    package var stream: String {
        (self.isSecure ? "wss" : "ws") + self.origin.dropFirst(self.isSecure ? 5 : 4) + Path.stream
    }

    /// What Twilio may have signed for the stream's handshake: the URL of the TwiML, or that and a slash.
    package var signedStreamURLs: [String] { [self.stream, self.stream + "/"] }

    /// Whether `text` is an `http` URL of this machine: for trying out.
    static func isOnLoopback(_ text: String) -> Bool {
        guard text.hasPrefix("http://") else { return false }
        return self.isLoopback(self.host(of: text.dropFirst(7).prefix { !"/?#".contains($0) }))
    }

    private static func host(of authority: Substring) -> Substring {
        if authority.hasPrefix("["), let end = authority.firstIndex(of: "]") { return authority[...end] }
        return authority.prefix { $0 != ":" }
    }

    private static func isLoopback(_ host: Substring) -> Bool {
        if host == "localhost" || host == "[::1]" { return true }
        let octets = host.split(separator: ".", omittingEmptySubsequences: false).map { UInt8($0) }
        return octets.count == 4 && octets[0] == 127 && !octets.contains(nil)
    }
}
