import HTTPTypes
import StageRuntime

// What API clients are told when a call was not made, or may not have been.
extension Problem {
    static let shuttingDown = Problem(
        .serviceUnavailable,
        "This instance is shutting down, so no call was made: try again, another one will answer."
    )

    static let otherBody = Problem(
        .unprocessableContent,
        "This Idempotency-Key was used for another request: repeat that one unchanged, or use a new key."
    )

    static let held = Problem(
        .conflict,
        """
        A request with this Idempotency-Key is being carried out, or its outcome is not known. No call was made now. \
        Repeat it with the same key: as soon as Twilio has told of the call, it is answered with its callSid. If that \
        does not happen within a minute, see in Twilio's list of calls whether there is one, and use a new key if not.
        """,
        retryAfter: 5
    )

    static func tooManyCalls(_ limit: Int) -> Problem {
        Problem(
            .tooManyRequests,
            "\(limit) calls are in progress, which is the limit (VOICE_MAX_CALLS): try again when one is over.",
            retryAfter: 10
        )
    }

    static func tooFast(perMinute: Int, retryAfter: Duration) -> Problem {
        Problem(
            .tooManyRequests,
            "This API token may request \(perMinute) calls a minute (VOICE_CALLS_PER_MINUTE): try again later.",
            retryAfter: retryAfter.wholeSeconds
        )
    }

    init(_ full: DialQueue.Full) {
        self.init(
            .tooManyRequests,
            "More calls are waiting to be dialled than can be within \(CallDialer.patience.wholeSeconds) s: try again later.",
            retryAfter: full.retryAfter.wholeSeconds
        )
    }

    init(_ throttled: TwilioCalls.Throttled) {
        self.init(
            .serviceUnavailable,
            "Twilio gets too many requests, so no call was made: \(throttled.message)",
            members: ["twilioMessage": throttled.message],
            retryAfter: throttled.retryAfter
        )
    }

    init(_ failure: TwilioCalls.Failure) {
        let unknown = """
            It is not known whether the call was made. It is not dialled again under the same Idempotency-Key: \
            repeated with it, the request is answered 409 until Twilio tells of the call, and then with its callSid.
            """
        switch failure {
        case .refused(let status, let code, let message):
            // 401, 403 and 404 are about our account, the others about the request.
            let isOurs = [401, 403, 404].contains(status)
            let text = code.map { " with code \($0)" } ?? ""
            self.init(isOurs ? .badGateway : .unprocessableContent, "Twilio refused the call\(text): \(message)")
            self.members["twilioCode"] = code.map(String.init)
            self.members["twilioMessage"] = message
        case .unreachable:
            self.init(.serviceUnavailable, "Twilio could not be reached; no call was made.")
        case .unclear(let status):
            self.init(.badGateway, "Twilio answered with status \(status). \(unknown)")
        case .timedOut:
            self.init(.gatewayTimeout, "Twilio did not answer in time. \(unknown)")
        }
    }
}

extension TwilioCalls.Failure {
    /// Whether Twilio certainly made no call.
    var hasDoneNothing: Bool {
        switch self {
        case .refused, .unreachable: true
        case .unclear, .timedOut: false
        }
    }

    /// Without Twilio's message, which may name the number.
    var name: String {
        switch self {
        case .refused(let status, let code, _): "refused with status \(status), code \(code.map(String.init) ?? "none")"
        case .unreachable: "unreachable"
        case .unclear(let status): "status \(status)"
        case .timedOut: "no answer"
        }
    }
}

extension Duration {
    /// Rounded up, at least 1.
    var wholeSeconds: Int {
        let (seconds, attoseconds) = self.components
        return max(1, Int(seconds) + (attoseconds > 0 ? 1 : 0))
    }
}
