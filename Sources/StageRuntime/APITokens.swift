/// Who may use the HTTP API: bearers of one of the tokens, or everybody.
package struct APITokens: Sendable {
    /// Empty when everybody may.
    private let tokens: [[UInt8]]

    /// - Parameter tokens: those that are accepted; none means that everybody is.
    package init(accepting tokens: [String]) {
        self.tokens = tokens.map { Array($0.utf8) }
    }

    /// ## Configuration variables
    /// - `VOICE_API_TOKEN` (secret): Bearer tokens, comma separated. Required unless the next is true.
    /// - `VOICE_ALLOW_ANONYMOUS` (bool, default false): Without a token, answer everybody. For trying out on loopback.
    package init(_ settings: inout Settings) {
        let listed = settings.optionalSecret("VOICE_API_TOKEN", "Bearer tokens of the HTTP API, comma separated.")
        let allowsAnonymous = settings.bool(
            "VOICE_ALLOW_ANONYMOUS",
            default: false,
            "Answer everybody when VOICE_API_TOKEN is not set: for trying out on loopback."
        )
        let tokens = (listed ?? "").split(separator: ",").map { $0.filter { !$0.isWhitespace } }.filter { !$0.isEmpty }
        if tokens.isEmpty, !allowsAnonymous {
            settings.report("VOICE_API_TOKEN is missing: set it, or VOICE_ALLOW_ANONYMOUS=true to answer everybody.")
        }
        self.init(accepting: tokens)
    }

    /// - Parameter authorization: the value of the `Authorization` header.
    package func accepts(authorization: String?) -> Bool { self.token(authorization: authorization) != nil }

    /// Whether everybody may, without a token.
    package var allowEverybody: Bool { self.tokens.isEmpty }

    /// - Returns: the token that was accepted, a secret; empty where everybody is; nil when none was.
    package func token(authorization: String?) -> String? {
        if self.allowEverybody { return "" }
        let parts = (authorization ?? "").split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        let given = Array(parts[1].utf8)
        return self.first { isEqual($0, given) }
    }

    /// - Parameter cookie: the value of the cookie that logging in gave.
    /// - Returns: the token that it was given for, a secret; nil when it is none of ours, or too old.
    package func token(cookie: String, now: Int64 = UnixTime.nowSeconds) -> String? {
        guard let expiresAt = LoginCookie.expiry(of: cookie), now < expiresAt else { return nil }
        let given = Array(cookie.utf8)
        return self.first { isEqual(Array(LoginCookie.value(token: $0, expiresAt: expiresAt).utf8), given) }
    }

    /// Takes the same time whichever of the tokens it is.
    private func first(where isAccepted: ([UInt8]) -> Bool) -> String? {
        var accepted: String?
        for token in self.tokens where isAccepted(token) { accepted = String(decoding: token, as: UTF8.self) }
        return accepted
    }
}

/// Takes the same time wherever the two differ.
private func isEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    left.count == right.count && zip(left, right).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) } == 0
}
