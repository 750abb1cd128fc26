import CallEvents
import JSON
import Logging
import NIOCore
import TwilioMedia

// Calls that are to be made.
extension TwilioCalls {
    /// Twilio gets too many requests, and processed none of ours.
    struct Throttled: Error {
        /// Seconds until it is worth trying again.
        var retryAfter: Int
        var message: String
    }

    private static let firstBackoff = Duration.milliseconds(500)
    private static let maxAttempts = 5

    /// Has Twilio call `to`; it answers before the phone rings.
    ///
    /// Only what was certainly not processed is sent again: after `unclear` and `timedOut` nobody knows whether there
    /// is a call, until Twilio tells of it under `claimKey`.
    /// - Parameters:
    ///   - claimKey: comes back in all that Twilio asks and tells about the call.
    ///   - deadline: while Twilio gets too many requests, it is tried again until then.
    /// - Throws: `Failure`, `Throttled`, or `CancellationError`.
    func create(
        to: PhoneNumber,
        claimKey: String,
        deadline: ContinuousClock.Instant = .now + .seconds(30)
    ) async throws -> CallSid {
        let form = self.form(to: to, claimKey: claimKey)
        var backoff = Self.firstBackoff
        var attempt = 0
        while true {
            attempt += 1
            let answer: Answer
            do {
                answer = try await self.send("/Calls.json", posting: form)
                if answer.status != 429 {
                    let callSid = try Self.callSid(in: answer)
                    self.metrics.twilioRequest(.create, .accepted)
                    return callSid
                }
            } catch let failure as Failure {
                self.metrics.twilioRequest(.create, .init(failure))
                throw failure
            }
            self.metrics.twilioRequest(.create, .refused)
            // Between half of it and one and a half, so that those who were refused together do not come back together.
            let pause = max(backoff * Double.random(in: 0.5...1.5), .seconds(answer.retryAfter ?? 0))
            guard attempt < Self.maxAttempts, .now + pause < deadline else {
                throw Throttled(
                    retryAfter: max(answer.retryAfter ?? 5, 1),
                    message: answer.json["message"]?.stringValue ?? "too many requests"
                )
            }
            try await Task.sleep(for: pause)
            backoff *= 2
        }
    }

    private func form(to: PhoneNumber, claimKey: String) -> FormFields {
        let configuration = self.configuration
        let publicURL = configuration.publicURL
        let query = "request=\(claimKey)"
        var fields = [
            FormField("To", to.e164),
            FormField("From", configuration.phoneNumber.e164),
            FormField("Url", publicURL.callback(PublicURL.Path.twiml, query: query)),
            FormField("Method", "POST"),
            FormField("StatusCallback", publicURL.callback(PublicURL.Path.status, query: query)),
            FormField("StatusCallbackMethod", "POST"),
            FormField("Timeout", String(configuration.ringSeconds)),
            FormField("TimeLimit", String(configuration.timeLimitSeconds)),
        ]
        fields += ["initiated", "ringing", "answered", "completed"].map { FormField("StatusCallbackEvent", $0) }
        if let mode = configuration.machineDetection.twilioName {
            fields += [
                FormField("MachineDetection", mode),
                FormField("AsyncAmd", "true"),
                FormField(
                    "AsyncAmdStatusCallback",
                    publicURL.callback(PublicURL.Path.machineDetection, query: query)
                ),
                FormField("AsyncAmdStatusCallbackMethod", "POST"),
            ]
        }
        return FormFields(fields)
    }

    private static func callSid(in answer: Answer) throws -> CallSid {
        // Whoever says that it took too long does not say that nothing was done.
        guard answer.status != 408 else { throw Failure.unclear(status: answer.status) }
        try answer.throwIfNotAccepted()
        guard let callSid = answer.json["sid"]?.stringValue.flatMap(CallSid.init) else {
            throw Failure.unclear(status: answer.status)
        }
        return callSid
    }
}

extension IngressConfiguration.MachineDetection {
    fileprivate var twilioName: String? {
        switch self {
        case .enable: "Enable"
        case .detectMessageEnd: "DetectMessageEnd"
        case .off: nil
        }
    }
}
