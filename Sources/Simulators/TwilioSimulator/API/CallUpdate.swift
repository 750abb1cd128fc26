package import TwilioMedia

/// A valid request to change a live call.
package enum CallUpdate: Sendable, Equatable {
    case complete
    case cancel
    case redirect(DocumentSource)
    /// Nothing that matters here.
    case nothing

    package init(_ form: FormFields) throws(APIError) {
        if let status = try form.choice("Status", of: ["completed", "canceled"]) {
            self = status == "completed" ? .complete : .cancel
        } else if let url = try form.url("Url") {
            guard form.given("Twiml") == nil else { throw APIError(code: 20001, "Url and Twiml exclude each other") }
            self = .redirect(.url(url, method: try form.method("Method")))
        } else if let twiml = form.given("Twiml") {
            self = .redirect(.text(try CallRequest.checkLength(twiml)))
        } else {
            self = .nothing
        }
    }
}
