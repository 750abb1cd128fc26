package import TwilioMedia

/// A valid request to change a live call.
package struct CallUpdate: Sendable, Equatable {
    package enum Action: Sendable, Equatable {
        case complete
        case cancel
        case redirect(DocumentSource)
    }

    /// nil leaves the call where it is.
    package var action: Action?
    package var fallback: CallRequest.Callback?
    package var statusCallback: CallRequest.Callback?
    /// Counted from the answer.
    package var timeLimitSeconds: Int?

    package init(_ form: FormFields) throws(APIError) {
        self.fallback = try CallRequest.callback(form, "FallbackUrl", method: "FallbackMethod")
        self.statusCallback = try CallRequest.callback(form, "StatusCallback", method: "StatusCallbackMethod")
        self.timeLimitSeconds = try form.number("TimeLimit", in: CallRequest.timeLimits)
        let url = try form.url("Url")
        let twiml = form.given("Twiml")
        guard url == nil || twiml == nil else { throw APIError(code: 20001, "Url and Twiml exclude each other") }
        if let status = try form.choice("Status", of: ["completed", "canceled"]) {
            self.action = status == "completed" ? .complete : .cancel
        } else if let url {
            self.action = .redirect(.url(url, method: try form.method("Method")))
        } else if let twiml {
            self.action = .redirect(.text(try CallRequest.checkLength(twiml)))
        }
    }
}
