import CallEvents
import JSON
import TwilioMedia

// Calls that are there: looked up, changed, hung up.
extension TwilioCalls {
    /// What a call is to do now, instead of what it does.
    enum Instead {
        /// This TwiML, at most 4000 characters.
        case twiml(String)
        /// What this URL answers.
        case url(String)
    }

    /// What Twilio knows of a call.
    enum Known: Equatable {
        case live
        /// With Twilio's last `CallStatus`, and how long the call was.
        case over(CallProgress, seconds: UInt32)
        case nothing
    }

    private static let hangUpAttempts = 6

    /// Ends a call in any live state. A call that is over already is a success; what may have been lost is repeated.
    /// - Parameter attempts: at least 1; the time between them doubles from 250 ms.
    /// - Throws: `Failure`, or `CancellationError`.
    func hangUp(_ callSid: CallSid, attempts: Int = Self.hangUpAttempts) async throws {
        var delay = Duration.milliseconds(250)
        for attempt in 1... {
            do {
                return try await self.measured(.hangUp) {
                    try await self.send(Self.path(callSid), posting: FormFields([FormField("Status", "completed")]))
                        .throwIfNotAccepted()
                }
            } catch let failure as Failure where failure.saysCallIsOver {
                return
            } catch let failure as Failure {
                guard attempt < attempts, failure.mayPass else { throw failure }
            }
            try await Task.sleep(for: delay)
            delay *= 2
        }
    }

    /// Has a live call do something else; its `<Connect><Stream>` ends. Not repeated: after `unclear` and `timedOut`
    /// nobody knows whether it was done.
    /// - Throws: `Failure`, or `CancellationError`.
    func update(_ callSid: CallSid, to instead: Instead) async throws {
        let form =
            switch instead {
            case .twiml(let document): FormFields([FormField("Twiml", document)])
            case .url(let url): FormFields([FormField("Url", url), FormField("Method", "POST")])
            }
        try await self.measured(.update) {
            try await self.send(Self.path(callSid), posting: form).throwIfNotAccepted()
        }
    }

    /// - Throws: `Failure`, or `CancellationError`.
    func lookUp(_ callSid: CallSid) async throws -> Known {
        try await self.measured(.lookUp) {
            let answer = try await self.send(Self.path(callSid))
            if answer.status == 404 { return .nothing }
            try answer.throwIfNotAccepted()
            guard let status = answer.json["status"]?.stringValue else { throw Failure.unclear(status: answer.status) }
            let progress = CallProgress(status)
            let seconds = answer.json["duration"]?.stringValue.flatMap { UInt32($0) } ?? 0
            return progress.isOver ? .over(progress, seconds: seconds) : .live
        }
    }

    private static func path(_ callSid: CallSid) -> String { "/Calls/\(callSid.rawValue).json" }

    private func measured<Result>(
        _ operation: IngressMetrics.TwilioOperation,
        _ work: () async throws -> Result
    ) async throws -> Result {
        do {
            let result = try await work()
            self.metrics.twilioRequest(operation, .accepted)
            return result
        } catch let failure as Failure {
            self.metrics.twilioRequest(operation, failure.saysCallIsOver ? .accepted : .init(failure))
            throw failure
        }
    }
}

extension TwilioCalls.Failure {
    /// 404/20404 or 400/21220: there is no call to act on any more.
    var saysCallIsOver: Bool {
        switch self {
        case .refused(404, 20_404, _), .refused(400, 21_220, _): true
        default: false
        }
    }

    /// Whether the same request may succeed later.
    fileprivate var mayPass: Bool {
        switch self {
        case .refused(let status, _, _): status == 429
        case .unreachable, .unclear, .timedOut: true
        }
    }
}
