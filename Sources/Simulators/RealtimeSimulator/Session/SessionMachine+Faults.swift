import NIOCore

/// Timers, and what goes wrong on request.
extension SessionMachine {
    mutating func fire(_ timer: Timer, now: Instant) {
        switch timer {
        case .transcript(let item): self.transcribe(item, now: now)
        case .rateLimits:
            self.emit(
                "rate_limits.updated",
                [
                    "rate_limits": [
                        [
                            "name": "tokens", "limit": 40_000, "remaining": .integer(self.tokensLeft),
                            "reset_seconds": .number(
                                Double(40_000 - self.tokensLeft) / 40_000 * self.script.tokenResetSeconds
                            ),
                        ]
                    ]
                ]
            )
        case .idle: self.idleTimedOut(now: now)
        case .ping:
            self.output(.ping)
            self.schedule(.ping, at: now + .seconds(self.script.pingSeconds))
        case .expiry: self.happen(.expire, now: now)
        case .fault(let index): self.happen(faultAt: index, now: now)
        }
    }

    /// Lets those faults happen whose moment has come.
    mutating func checkFaults(_ hasCome: (SessionFault.Moment) -> Bool) {
        guard !self.script.faults.isEmpty else { return }
        for (index, fault) in self.script.faults.enumerated() where !self.faultsDone.contains(index) {
            if hasCome(fault.moment) { self.happen(faultAt: index, now: self.now) }
        }
    }

    private mutating func happen(faultAt index: Int, now: Instant) {
        guard self.faultsDone.insert(index).inserted,
            let fault = self.progress.takeFault(index, session: self.facts.number)
        else { return }
        self.happen(fault, in: self.activeResponse?.id, now: now)
    }

    /// - Parameter response: the one in whose course it happens.
    mutating func happen(_ fault: Fault, in response: String? = nil, now: Instant) {
        switch fault {
        case .drop:
            self.output(.abort)
            self.isEnded = true
        case .close(let code, let reason):
            self.output(.close(code: code, reason: reason))
            self.isEnded = true
        case .error(let error):
            self.emit(Refusal(type: error.type, code: error.code, message: error.message))
        case .fail(let error):
            if let response { self.end(response, status: "failed", error: error, now: now) }
        case .stall(let milliseconds):
            self.stall(until: now + .milliseconds(milliseconds))
        case .expire:
            self.emit(
                Refusal(
                    code: "session_expired",
                    message: "Your session hit the maximum duration of \(Int(self.script.sessionSeconds / 60)) minutes."
                )
            )
            self.output(.close(code: 1001, reason: ""))
            self.isEnded = true
        case .mute:
            self.output(.mute)
            self.isEnded = true
        case .garbage(let text):
            self.emit(ByteBuffer(string: text))
        case .format(let format):
            self.forcedFormat = AudioFormat(rawValue: format)
        case .refuse:
            break
        }
    }
}
