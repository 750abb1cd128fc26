import Crypto
import FoundationEssentials

/// The names of one request's calls in topic requests: the same for the same API token and Idempotency-Key, wherever
/// and however often it is sent; without a key, nobody else's.
struct ClaimKeys: Sendable {
    /// Whether the request can be repeated.
    let canRepeat: Bool
    private let base: String

    /// - Parameters:
    ///   - idempotencyKey: the header's value, if it was given.
    ///   - token: the API token, of which only a hash is used.
    init(idempotencyKey: String?, token: String) {
        self.canRepeat = idempotencyKey != nil
        self.base =
            idempotencyKey.map { key in SHA256.hash(data: Array(token.utf8)).hex + "\n" + key } ?? UUID().uuidString
    }

    /// Of the request's call number `index`, from 0. 40 hexadecimal digits, so it can be part of a URL.
    func key(_ index: Int) -> String { self.derived("call\n\(index)") }

    /// For a request that brings no id of its own.
    var requestID: String {
        let digits = Array(self.derived("request").prefix(32))
        // Version 8 and the variant of RFC 9562.
        let version = digits[0..<12] + ["8"] + digits[13..<16] + ["a"] + digits[17...]
        var text = ""
        for (index, digit) in version.enumerated() {
            if [8, 12, 16, 20].contains(index) { text.append("-") }
            text.append(digit)
        }
        return text
    }

    private func derived(_ purpose: String) -> String {
        String(SHA256.hash(data: Array("\(self.base)\n\(purpose)".utf8)).hex.prefix(40))
    }
}
