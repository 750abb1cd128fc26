import JSON
import Synchronization
import TwilioMedia

/// The account's auth tokens, as they are rotated: a secondary one opens the API beside the primary one; promoted, it
/// takes the primary one's place, and the old one is worth nothing.
///
/// Twilio signs with the primary one alone.
final class AuthTokens: Sendable {
    private struct State {
        var primary: String
        var secondary: String?
        var signature: TwilioSignature
    }

    private let state: Mutex<State>

    init(primary: String) {
        self.state = Mutex(State(primary: primary, signature: TwilioSignature(authToken: primary)))
    }

    /// What webhooks and WebSocket upgrades are signed with now.
    var signature: TwilioSignature { self.state.withLock { $0.signature } }

    func set(secondary: String?) { self.state.withLock { $0.secondary = secondary } }

    /// - Returns: false when there is no secondary token.
    func promote() -> Bool {
        self.state.withLock { state in
            guard let token = state.secondary.take() else { return false }
            state.primary = token
            state.signature = TwilioSignature(authToken: token)
            return true
        }
    }

    /// Whether `authorization`, a header's value, is the account's.
    func accept(authorization: String, accountSid: String) -> Bool {
        let given = Array(authorization.utf8)
        let tokens = self.state.withLock { [$0.primary, $0.secondary].compactMap { $0 } }
        return tokens.contains { token in
            constantTimeEqual(given, Array("Basic ".utf8) + Base64.encode(Array("\(accountSid):\(token)".utf8)))
        }
    }
}
