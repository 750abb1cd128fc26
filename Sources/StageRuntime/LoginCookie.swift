import Crypto
import FoundationEssentials

/// What a browser that has logged in with an API token sends instead of it: `v1.<expiry>.<mac>`, with the expiry in Unix
/// seconds. Nothing is kept of it: every process that has the token can check it.
package enum LoginCookie {
    package static let name = "lifehub_voice"
    /// How long it is good for, in seconds.
    package static let maxAge: Int64 = 12 * 3600

    private static let version = "v1"

    /// - Parameter expiresAt: Unix seconds.
    package static func value(token: [UInt8], expiresAt: Int64) -> String {
        let mac = HMAC<SHA256>.authenticationCode(
            for: Array("lifehub-voice.session.\(self.version).\(expiresAt)".utf8),
            using: SymmetricKey(data: Array(SHA256.hash(data: token)))
        )
        return "\(self.version).\(expiresAt).\(self.base64url(Data(mac)))"
    }

    /// The `Set-Cookie` header that gives it, or with nil takes it away.
    /// - Parameter isSecure: the browser may send it over TLS only.
    package static func header(_ value: String?, isSecure: Bool) -> String {
        "\(self.name)=\(value ?? ""); HttpOnly; SameSite=Strict; Path=/; Max-Age=\(value == nil ? 0 : self.maxAge)"
            + (isSecure ? "; Secure" : "")
    }

    /// What the value says of itself: not checked.
    static func expiry(of value: String) -> Int64? {
        let parts = value.split(separator: ".", omittingEmptySubsequences: false)
        guard value.utf8.count < 100, parts.count == 3, parts[0] == self.version else { return nil }
        return Int64(parts[1])
    }

    /// RFC 4648, section 5, without padding.
    private static func base64url(_ bytes: Data) -> String {
        bytes.base64EncodedString().replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }
}
