import TwilioMedia

/// What the account's numbers do with a call that reaches them: in Twilio's console, a number's voice configuration.
package struct NumberSettings: Sendable, Equatable {
    /// Asked for the TwiML of an inbound call.
    package var voiceURL: String
    /// `GET` or `POST`.
    package var voiceMethod = "POST"
    /// Asked when the voice URL fails.
    package var voiceFallbackURL: String?
    package var voiceFallbackMethod = "POST"
    /// Told the end of an inbound call, and nothing before.
    package var statusCallback: String?
    package var statusCallbackMethod = "POST"

    package init(voiceURL: String) { self.voiceURL = voiceURL }
}

extension CallRequest {
    /// A call by a person to a number of the account.
    /// - Parameters:
    ///   - caller: a number with `+`, or `anonymous` when it is withheld.
    ///   - settings: of the number; nil when it has none.
    /// - Throws: 21211 or 21212 for what is no number, 21210 for a number that is not the account's, 21205 without a
    ///   valid URL.
    init(
        from caller: String,
        to number: String,
        settings: NumberSettings?,
        ownedNumbers: Set<String>?
    ) throws(APIError) {
        guard isCallable(number) else { throw APIError(code: 21211, "Invalid 'To' Phone Number: \(number)") }
        guard isCallable(caller) || caller == Self.withheld else {
            throw APIError(code: 21212, "Invalid 'From' Phone Number: \(caller)")
        }
        guard ownedNumbers?.contains(number) ?? true else {
            throw APIError(code: 21210, "\(number) is not a number of this account")
        }
        guard let settings else { throw APIError(code: 21205, "the number has no voice URL") }
        var fields = [
            FormField("To", number), FormField("From", caller), FormField("Url", settings.voiceURL),
            FormField("Method", settings.voiceMethod),
        ]
        if let url = settings.voiceFallbackURL {
            fields += [FormField("FallbackUrl", url), FormField("FallbackMethod", settings.voiceFallbackMethod)]
        }
        if let url = settings.statusCallback {
            fields += [
                FormField("StatusCallback", url), FormField("StatusCallbackMethod", settings.statusCallbackMethod),
            ]
        }
        try self.init(from: caller, to: number, callbacks: FormFields(fields))
    }
}
