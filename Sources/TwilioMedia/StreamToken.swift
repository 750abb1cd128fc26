package import CallEvents
import Crypto
import FoundationEssentials
import JSON
import NIOCore

/// What a Media Stream must present in `start.customParameters`: that one of our instances answered this call's TwiML
/// request a moment ago, and which stream of the call it is. Text of the form `callSid.epoch.expiry.mac`.
package struct StreamToken: Sendable, Equatable {
    package var callSid: CallSid
    /// From 1; one more for each reconnect.
    package var streamEpoch: UInt32
    /// Unix seconds.
    package var expiresAt: Int64

    package init(callSid: CallSid, streamEpoch: UInt32, expiresAt: Int64) {
        self.callSid = callSid
        self.streamEpoch = streamEpoch
        self.expiresAt = expiresAt
    }

    /// Signs and checks tokens. The keys are derived from the account's auth tokens, so that all instances agree.
    package struct Authority: Sendable {
        /// The first signs; each is good for checking.
        private let keys: [SymmetricKey]

        /// - Parameter authTokens: at least one. The first signs; what any of them signed is accepted, so that an auth
        ///   token can be replaced while instances with the old one still run.
        package init(authTokens: [String]) {
            precondition(!authTokens.isEmpty, "nothing to sign with")
            self.keys = authTokens.map { authToken in
                HKDF<SHA256>.deriveKey(
                    inputKeyMaterial: SymmetricKey(data: Array(authToken.utf8)),
                    info: Array("lifehub-voice stream token v1".utf8),
                    outputByteCount: 32
                )
            }
        }

        package init(authToken: String) {
            self.init(authTokens: [authToken])
        }

        /// At most 120 characters of `A-Z a-z 0-9 . + / =`.
        package func sign(_ token: StreamToken) -> String {
            let claims = "\(token.callSid.rawValue).\(token.streamEpoch).\(token.expiresAt)"
            return claims + "." + String(decoding: Self.mac(of: claims, key: self.keys[0]), as: UTF8.self)
        }

        /// - Returns: nil when the text is not a token of ours, or has expired.
        package func verify(_ text: String, now: Int64) -> StreamToken? {
            guard text.utf8.count < 400, let dot = text.utf8.lastIndex(of: UInt8(ascii: ".")) else { return nil }
            let claims = String(text[..<dot])
            let given = Array(text[text.utf8.index(after: dot)...].utf8)
            var isOurs = false
            for key in self.keys {
                let equal = constantTimeEqual(Self.mac(of: claims, key: key), given)
                isOurs = equal || isOurs
            }
            guard isOurs else { return nil }
            let parts = claims.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 3, let callSid = CallSid(String(parts[0])), let epoch = UInt32(parts[1]),
                let expiresAt = Int64(parts[2]), now < expiresAt
            else { return nil }
            return StreamToken(callSid: callSid, streamEpoch: epoch, expiresAt: expiresAt)
        }

        private static func mac(of claims: String, key: SymmetricKey) -> [UInt8] {
            Base64.encode(Array(HMAC<SHA256>.authenticationCode(for: Array(claims.utf8), using: key)))
        }
    }
}
