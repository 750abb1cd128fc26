import HTTPTypes
package import Hummingbird

extension APITokens {
    /// Lets a request in that has an API token, or the cookie that one was exchanged for; or any, where everybody is
    /// answered.
    ///
    /// A browser adds the cookie, and reaches loopback, on behalf of whatever page is open in it. So without a token in
    /// the request, one that may change something must come from a page of ours.
    /// - Returns: the token, a secret; empty where everybody is answered.
    /// - Throws: `Problem` with status 401 or 403.
    package func admit(_ request: Request) throws(Problem) -> String {
        if !self.allowEverybody, let token = self.token(authorization: request.headers[.authorization]) { return token }
        let cookie = request.cookies[LoginCookie.name]?.value
        guard let token = self.allowEverybody ? "" : cookie.flatMap({ self.token(cookie: $0) }) else {
            throw Problem(.unauthorized, "Send an API token: Authorization: Bearer <token>.")
        }
        if request.method == .get || request.method == .head { return token }
        let isOurs = request.isFromOwnPage ?? self.allowEverybody
        guard isOurs else { throw Problem(.forbidden, "With the cookie, this can be asked for by pages of ours only.") }
        return token
    }
}

extension Request {
    /// Whether a page of the same origin sends this, as the browser says; nil when it says nothing, or it is no browser.
    package var isFromOwnPage: Bool? {
        if let site = self.headers[Self.fetchSite] { return site == "same-origin" || site == "none" }
        guard let origin = self.headers[.origin] else { return nil }
        guard let host = origin.split(separator: "/", omittingEmptySubsequences: true).last, origin.contains("://"),
            let own = self.head.authority
        else { return false }
        return host.lowercased() == own.lowercased()
    }

    private static let fetchSite = HTTPField.Name("Sec-Fetch-Site")!
}
