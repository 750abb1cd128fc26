package import TwilioMedia

/// A valid request to create a call, or what a number's settings make of an inbound one.
///
/// Parameters that the simulator has no use for (recording, caller identity) are accepted and have no effect.
package struct CallRequest: Sendable, Equatable {
    /// A URL and how it is asked for.
    package struct Callback: Sendable, Equatable {
        package var url: WebhookURL
        package var method: String
    }

    static let timeLimits = 1...86400
    /// The `From` of a caller who withholds their number.
    package static let withheld = "anonymous"

    package enum ProgressEvent: String, Sendable, CaseIterable {
        case initiated, ringing, answered, completed
    }

    package var to: String
    package var from: String
    package var document: DocumentSource
    package var fallback: Callback?
    package var statusCallback: Callback?
    package var statusEvents: Set<ProgressEvent> = [.completed]
    package var timeoutSeconds = 60
    /// The longest a call may last; four hours unless given.
    package var timeLimitSeconds = 14400
    package var detection: MachineDetection?
    package var warnings: [TwiMLDocument.Problem] = []

    /// - Parameter ownedNumbers: what `From` may be; nil allows any number.
    package init(_ form: FormFields, ownedNumbers: Set<String>?) throws(APIError) {
        guard let to = form.given("To") else { throw APIError(code: 21201, "No 'To' number is specified") }
        guard let from = form.given("From") else { throw APIError(code: 21213, "No 'From' number is specified") }
        guard isCallable(to) else { throw APIError(code: 21211, "Invalid 'To' Phone Number: \(to)") }
        guard isCallable(from) else { throw APIError(code: 21212, "Invalid 'From' Phone Number: \(from)") }
        guard ownedNumbers?.contains(from) ?? true else {
            throw APIError(code: 21210, "The 'From' number \(from) is not yet verified for your account")
        }
        try self.init(from: from, to: to, callbacks: form)
        let events = form.all("StatusCallbackEvent")
        if !events.isEmpty { self.statusEvents = Set(events.compactMap(ProgressEvent.init)) }
        for event in events where ProgressEvent(rawValue: event) == nil {
            self.warnings.append(.init(code: 20001, message: "unknown StatusCallbackEvent \(event)"))
        }
        self.timeoutSeconds = try form.number("Timeout", in: 1...600, code: 21208) ?? 60
        self.timeLimitSeconds = try form.number("TimeLimit", in: Self.timeLimits) ?? 14400
        try Self.checkRest(form)
        self.detection = try MachineDetection(form)
        if let detection = self.detection, detection.isAsynchronous, detection.callback == nil {
            self.warnings.append(.init(code: 21262, message: "asynchronous AMD without AsyncAmdStatusCallback"))
        }
    }

    /// - Parameter form: names the document and the callbacks.
    init(from: String, to: String, callbacks form: FormFields) throws(APIError) {
        self.from = from
        self.to = to
        self.document = try Self.document(form)
        self.fallback = try Self.callback(form, "FallbackUrl", method: "FallbackMethod")
        self.statusCallback = try Self.callback(form, "StatusCallback", method: "StatusCallbackMethod")
    }

    private static func document(_ form: FormFields) throws(APIError) -> DocumentSource {
        if let url = try form.url("Url") { return .url(url, method: try form.method("Method")) }
        if let application = form.given("ApplicationSid"), form.given("Twiml") == nil {
            throw APIError(code: 21218, "Invalid ApplicationSid: \(application)")
        }
        guard let twiml = form.given("Twiml") else { throw APIError(code: 21205, "Url parameter is required.") }
        return .text(try Self.checkLength(twiml))
    }

    package static func checkLength(_ twiml: String) throws(APIError) -> String {
        guard twiml.count <= 4000 else { throw APIError(code: 32018, "Twiml is longer than 4000 characters") }
        return twiml
    }

    static func callback(_ form: FormFields, _ name: String, method: String) throws(APIError) -> Callback? {
        guard let url = try form.url(name) else { return nil }
        return Callback(url: url, method: try form.method(method))
    }

    /// What has no effect here, but must be right.
    private static func checkRest(_ form: FormFields) throws(APIError) {
        if let digits = form.given("SendDigits") {
            guard digits.count <= 32, digits.allSatisfy({ "0123456789ABCD#*wW".contains($0) }) else {
                throw APIError(code: 20001, "SendDigits has at most 32 of 0-9 A-D # * w W")
            }
        }
        _ = try form.choice("Record", of: ["true", "false"])
        _ = try form.choice("RecordingChannels", of: ["mono", "dual"])
        _ = try form.choice("RecordingTrack", of: ["inbound", "outbound", "both"])
        _ = try form.choice("Trim", of: ["trim-silence", "do-not-trim"])
        _ = try Self.callback(form, "RecordingStatusCallback", method: "RecordingStatusCallbackMethod")
    }
}

/// Where a call's TwiML comes from.
package enum DocumentSource: Sendable, Equatable {
    case url(WebhookURL, method: String)
    case text(String)
}
