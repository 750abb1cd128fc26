import Crypto

/// Realtime's `OpenAI-Safety-Identifier`: the same for the same user, and nobody's name.
enum SafetyIdentifier {
    /// SHA-256, hexadecimal; empty for no user.
    static func of(_ userID: String) -> String {
        guard !userID.isEmpty else { return "" }
        let digits = Array("0123456789abcdef")
        return String(SHA256.hash(data: Array(userID.utf8)).flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}
