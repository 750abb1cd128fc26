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

    /// Comparing takes the same time wherever a wrong token differs.
    /// - Returns: the token that was accepted, a secret; empty where everybody is; nil when none was.
    package func token(authorization: String?) -> String? {
        if self.tokens.isEmpty { return "" }
        let parts = (authorization ?? "").split(separator: " ", maxSplits: 1)
        guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
        let given = Array(parts[1].utf8)
        var accepted: String?
        for token in self.tokens where token.count == given.count {
            let difference = zip(token, given).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) }
            if difference == 0 { accepted = String(decoding: token, as: UTF8.self) }
        }
        return accepted
    }
}
