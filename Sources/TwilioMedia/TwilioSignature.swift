import Crypto
import FoundationEssentials
import JSON
package import NIOCore

/// Makes and checks `X-Twilio-Signature`: base64 of an HMAC over the request's URL and form fields.
///
/// The URL is the one Twilio called (public origin, raw path and query), never rebuilt from what a proxy forwarded.
/// Twilio signs no time: a repeated request verifies again.
package struct TwilioSignature: Sendable {
    /// `HMAC_SHA1` with the auth token, or what the header `X-Twilio-Webhooks-Signature-Settings` names.
    package enum Algorithm: String, Sendable {
        case hmacSHA1 = "HMAC_SHA1"
        case hmacSHA256 = "HMAC_SHA256"
    }

    /// What is signed besides the URL.
    package enum Content: Sendable {
        /// A GET or a WebSocket upgrade.
        case none
        /// All fields of a posted form, decoded.
        case form(FormFields)
        /// Another body: the URL's query holds `bodySHA256`, its lower-case hexadecimal hash.
        case body(ByteBuffer)
    }

    /// The first signs; each is good for checking.
    private let keys: [SymmetricKey]
    private let algorithm: Algorithm

    /// - Parameter authTokens: at least one. The first signs; what any of them signed is valid, so that the account's
    ///   auth token can be replaced while Twilio still uses the old one.
    package init(authTokens: [String], algorithm: Algorithm = .hmacSHA1) {
        precondition(!authTokens.isEmpty, "nothing to sign with")
        self.keys = authTokens.map { SymmetricKey(data: Array($0.utf8)) }
        self.algorithm = algorithm
    }

    package init(authToken: String, algorithm: Algorithm = .hmacSHA1) {
        self.init(authTokens: [authToken], algorithm: algorithm)
    }

    /// The header's value for exactly this URL.
    package func compute(url: String, content: Content = .none) -> String {
        let text = Self.signedText(url: url, content: content)
        return String(decoding: self.signature(of: text, key: self.keys[0]), as: UTF8.self)
    }

    /// Whether `signature` is right for `url` with or without its port, as Twilio's helper libraries decide. The time
    /// it takes does not depend on where a wrong signature differs.
    package func isValid(_ signature: String, url: String, content: Content = .none) -> Bool {
        let given = Array(signature.utf8)
        var valid = false
        for form in Self.forms(of: url) {
            let text = Self.signedText(url: form, content: content)
            for key in self.keys {
                let equal = constantTimeEqual(self.signature(of: text, key: key), given)
                valid = equal || valid
            }
        }
        guard case .body(let body) = content else { return valid }
        let hash = SHA256.hash(data: Array(body.readableBytesView))
        return constantTimeEqual(hash.lowercaseHex, Array((Self.query(of: url)["bodySHA256"] ?? "").utf8)) && valid
    }

    private func signature(of text: [UInt8], key: SymmetricKey) -> [UInt8] {
        let code: [UInt8] =
            switch self.algorithm {
            case .hmacSHA1: Array(HMAC<Insecure.SHA1>.authenticationCode(for: text, using: key))
            case .hmacSHA256: Array(HMAC<SHA256>.authenticationCode(for: text, using: key))
            }
        return Base64.encode(code)
    }

    /// Names ordered by their UTF-8 bytes, each followed by its distinct values in order; no separators. Swift's own
    /// string comparison would treat canonically equivalent names as one.
    private static func signedText(url: String, content: Content) -> [UInt8] {
        var text = Array(url.utf8)
        guard case .form(let form) = content else { return text }
        let fields = form.fields
            .map { (name: Array($0.name.utf8), value: Array($0.value.utf8)) }
            .sorted { left, right in
                if left.name != right.name { return left.name.lexicographicallyPrecedes(right.name) }
                return left.value.lexicographicallyPrecedes(right.value)
            }
        for (index, field) in fields.enumerated() where index == 0 || fields[index - 1] != field {
            text.append(contentsOf: field.name)
            text.append(contentsOf: field.value)
        }
        return text
    }

    /// `url` without its port, and with it; the scheme's port (443 for https, 80 for anything else) when it has none.
    private static func forms(of url: String) -> [String] {
        guard let scheme = url.firstRange(of: "://") else { return [url] }
        let authorityEnd = url[scheme.upperBound...].firstIndex { "/?#".contains($0) } ?? url.endIndex
        let authority = url[scheme.upperBound..<authorityEnd]
        let hostStart = authority.lastIndex(of: "@").map(authority.index(after:)) ?? authority.startIndex
        let portSearch = authority[hostStart...].lastIndex(of: "]") ?? hostStart
        if let colon = authority[portSearch...].lastIndex(of: ":"), colon != authority.index(before: authority.endIndex)
        {
            return [String(url[..<colon] + url[authorityEnd...]), url]
        }
        let port = url[..<scheme.lowerBound] == "https" ? ":443" : ":80"
        return [url, String(url[..<authorityEnd]) + port + url[authorityEnd...]]
    }

    private static func query(of url: String) -> FormFields {
        let beforeFragment = url.prefix { $0 != "#" }
        guard let mark = beforeFragment.firstIndex(of: "?") else { return FormFields() }
        return FormFields(parsing: beforeFragment[beforeFragment.index(after: mark)...].utf8)
    }
}

/// Compares secrets: the time depends on the lengths only.
package func constantTimeEqual(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    var difference: UInt8 = 0
    for index in left.indices {
        difference |= left[index] ^ right[index]
    }
    return difference == 0
}

extension Digest {
    fileprivate var lowercaseHex: [UInt8] {
        self.flatMap { byte in
            [byte >> 4, byte & 0x0f].map { $0 < 10 ? UInt8(ascii: "0") + $0 : UInt8(ascii: "a") + $0 - 10 }
        }
    }
}
