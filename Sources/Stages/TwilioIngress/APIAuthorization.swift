import HTTPTypes
import TwilioMedia

/// Who may initiate calls: whoever presents one of the bearer tokens, or anyone when there are none.
struct APIAuthorization: Sendable {
    private let tokens: [[UInt8]]

    init(tokens: [String]) {
        self.tokens = tokens.map { Array($0.utf8) }
    }

    /// - Throws: `Problem` with status 401.
    func check(_ headers: HTTPFields) throws {
        guard !self.tokens.isEmpty else { return }
        let parts = (headers[.authorization] ?? "").split(separator: " ", maxSplits: 1)
        var isKnown = false
        if parts.count == 2, parts[0].lowercased() == "bearer" {
            let given = Array(parts[1].utf8)
            // All are compared, so that the time does not tell which one came close.
            for token in self.tokens {
                let equal = constantTimeEqual(token, given)
                isKnown = equal || isKnown
            }
        }
        guard isKnown else {
            throw Problem(
                status: .unauthorized,
                title: "Unauthorized",
                detail: "Send an API token: Authorization: Bearer <token>."
            )
        }
    }
}
