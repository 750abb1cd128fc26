import TwilioMedia

/// Parameters of the API, with the error each has when it is wrong.
extension FormFields {
    /// The value of `name`; nil when it is missing or empty.
    func given(_ name: String) -> String? {
        self[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    func all(_ name: String) -> [String] {
        self.fields.filter { $0.name == name && !$0.value.isEmpty }.map(\.value)
    }

    func number(_ name: String, in range: ClosedRange<Int>, code: Int = 20001) throws(APIError) -> Int? {
        guard let text = self.given(name) else { return nil }
        guard let value = Int(text), range.contains(value) else {
            throw APIError(code: code, "\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    func choice(_ name: String, of values: [String]) throws(APIError) -> String? {
        guard let value = self.given(name) else { return nil }
        guard values.contains(value) else {
            throw APIError(code: 20001, "\(name) must be one of \(values.joined(separator: ", "))")
        }
        return value
    }

    func method(_ name: String) throws(APIError) -> String {
        try self.choice(name, of: ["GET", "POST"]) ?? "POST"
    }

    /// An absolute http or https URL whose host name has no underscore.
    func url(_ name: String) throws(APIError) -> WebhookURL? {
        guard let text = self.given(name) else { return nil }
        guard let url = WebhookURL(text), ["http", "https"].contains(url.scheme), !url.host.contains("_") else {
            throw APIError(code: 21205, "\(name) is not a valid URL: \(text)")
        }
        return url
    }
}

/// Whether `text` is a number with `+`, or an address of another kind that Twilio calls.
func isCallable(_ text: String) -> Bool {
    if text.hasPrefix("client:") || text.hasPrefix("sip:") { return text.count > 7 }
    let digits = text.dropFirst()
    return text.first == "+" && (7...15).contains(digits.count) && digits.first != "0"
        && digits.utf8.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
}
