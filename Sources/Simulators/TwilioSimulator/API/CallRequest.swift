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

    /// The `From` of a caller who withholds their number.
    package static let withheld = "anonymous"

    package enum Detection: Sendable, Equatable {
        case off
        /// TwiML waits for the verdict.
        case synchronous
        case asynchronous(Callback?)
    }

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
    package var detection = Detection.off
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
        self.timeLimitSeconds = try form.number("TimeLimit", in: 1...86400) ?? 14400
        try self.readDetection(form)
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

    private mutating func readDetection(_ form: FormFields) throws(APIError) {
        _ = try form.number("MachineDetectionTimeout", in: 3...59)
        _ = try form.number("MachineDetectionSpeechThreshold", in: 1000...6000)
        _ = try form.number("MachineDetectionSpeechEndThreshold", in: 500...5000)
        _ = try form.number("MachineDetectionSilenceTimeout", in: 2000...10000)
        let callback = try Self.callback(form, "AsyncAmdStatusCallback", method: "AsyncAmdStatusCallbackMethod")
        let isAsynchronous = try form.choice("AsyncAmd", of: ["true", "false"]) == "true"
        if let digits = form.given("SendDigits") {
            guard digits.count <= 32, digits.allSatisfy({ "0123456789ABCD#*wW".contains($0) }) else {
                throw APIError(code: 20001, "SendDigits has at most 32 of 0-9 A-D # * w W")
            }
        }
        guard try form.choice("MachineDetection", of: ["Enable", "DetectMessageEnd"]) != nil,
            form.given("SendDigits") == nil
        else { return }
        self.detection = isAsynchronous ? .asynchronous(callback) : .synchronous
        if isAsynchronous, callback == nil {
            self.warnings.append(.init(code: 21262, message: "asynchronous AMD without AsyncAmdStatusCallback"))
        }
    }
}

/// Where a call's TwiML comes from.
package enum DocumentSource: Sendable, Equatable {
    case url(WebhookURL, method: String)
    case text(String)
}
