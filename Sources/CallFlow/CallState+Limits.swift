package import CallEvents

// Time passes as events: what is due follows from the state alone, so whoever has the call now lets it fire, and a call
// that is handed to another instance forgets none.
extension CallState {
    /// Timers that have not fired, and when they are due, in Unix microseconds.
    package var timers: [(name: String, dueAtUs: Int64)] {
        var timers: [(name: String, dueAtUs: Int64)] = []
        if self.phase == .ended {
            timers.append((TimerFired.settled, self.endedAtUs + Self.settlingUs))
        } else {
            timers += self.limitTimers
        }
        for tool in self.unfinishedTools where tool.startedAtUs > 0 && tool.started.timeoutMs > 0 {
            let timeoutUs = Int64(tool.started.timeoutMs) * 1000
            timers.append((TimerFired.tool(tool.call.toolCallID), tool.startedAtUs + timeoutUs))
        }
        return timers.filter { !self.timersFired.contains($0.name) }
    }

    private var limitTimers: [(name: String, dueAtUs: Int64)] {
        var timers: [(name: String, dueAtUs: Int64)] = []
        let leadUs = Int64(self.limits.windDownSeconds) * 1_000_000
        if self.limits.maxCallSeconds > 0, self.answeredAtUs > 0, self.windingDownAtUs == 0 {
            let endUs = self.answeredAtUs + Int64(self.limits.maxCallSeconds) * 1_000_000
            timers.append((TimerFired.windDown, max(self.answeredAtUs, endUs - leadUs)))
        }
        if self.windingDownAtUs > 0 { timers.append((TimerFired.limit, self.windingDownAtUs + leadUs)) }
        if self.endingAtUs > 0 { timers.append((TimerFired.goodbye, self.endingAtUs + Self.goodbyeUs)) }
        return timers
    }

    /// A goodbye that was not played by then never will be.
    private static let goodbyeUs: Int64 = 30_000_000
    /// What comes behind the end of a call, such as the words of the last turn, comes within this time.
    private static let settlingUs: Int64 = 5_000_000

    mutating func timerFired(_ fired: TimerFired, atUs: Int64) -> [CallOutput] {
        // The session's own, which fires as often as the person is silent.
        if fired.timer == TimerFired.idlePrompt { return [] }
        // A coordinator that has lost the call may believe that something is due which is not.
        let isDue = self.timers.contains { $0.name == fired.timer && $0.dueAtUs <= atUs }
        guard isDue || fired.timer == TimerFired.idleGoodbye, !self.timersFired.contains(fired.timer) else { return [] }
        self.timersFired.append(fired.timer)
        switch fired.timer {
        case TimerFired.idleGoodbye: self.idleGoodbye(atUs: atUs)
        case TimerFired.windDown: return self.windDown(reason: "max_call_seconds", atUs: atUs)
        case TimerFired.limit: return self.hangUp(reason: self.windingDownReason)
        case TimerFired.goodbye: return self.hangUp(reason: "goodbye_not_played")
        case TimerFired.settled: return self.settle(atUs: atUs)
        default:
            let due = self.unfinishedTools.first { TimerFired.tool($0.call.toolCallID) == fired.timer }
            return due.map { [.effect(.giveUpTool($0.call, mayRepeat: $0.started.repeatable))] } ?? []
        }
        return []
    }

    /// The session says goodbye to a person who has not spoken for long, and hangs up: should it die meanwhile, the next
    /// owner only hangs up.
    private mutating func idleGoodbye(atUs: Int64) {
        guard self.phase != .ended else { return }
        self.ending = true
        self.endingAtUs = atUs
        if self.endReason.isEmpty { self.endReason = "idle" }
    }

    /// A call that has cost most of what it may is wound down.
    mutating func windDownWhenDear(atUs: Int64) -> [CallOutput] {
        let limit = self.limits.maxCostNanodollars
        guard limit > 0, self.windingDownAtUs == 0, self.costNanodollars >= limit / 10 * 9 else { return [] }
        return self.windDown(reason: "max_cost", atUs: atUs)
    }

    private mutating func windDown(reason: String, atUs: Int64) -> [CallOutput] {
        guard self.phase != .ended, self.windingDownAtUs == 0 else { return [] }
        self.windingDownAtUs = atUs
        self.windingDownReason = reason
        guard !self.ending else { return [] }
        return [
            self.command(CallID.windDown(self.callSid)) {
                $0.say.instructions = """
                    # Now
                    This call must end within \(self.limits.windDownSeconds) seconds. Say so in one short, friendly \
                    sentence, with the one thing that matters most if it is still open, say goodbye, and call end_call.
                    """
            }
        ]
    }

    // MARK: Voicemail

    /// The phone network's own opinion of who has answered. It comes seconds after the answer; when the person has told
    /// something by then that a machine would not, it is wrong.
    mutating func machineDetected(_ machine: MachineDetected) -> [CallOutput] {
        guard self.answeredBy.isEmpty else { return [] }
        self.answeredBy = machine.answeredBy
        let isMachine = machine.answeredBy.hasPrefix("machine") || machine.answeredBy == "fax"
        guard isMachine, self.hasNoResults, self.phase != .ended, !self.ending else { return [] }
        if machine.answeredBy == "fax" { return self.hangUpOnMachine() }
        switch self.limits.voicemail {
        case .goOn: return []
        case .leaveMessage:
            self.outcome = "voicemail"
            return [self.command(CallID.voicemail(self.callSid)) { $0.say.instructions = self.limits.voicemailMessage }]
        case .hangUp, .unspecified, .UNRECOGNIZED: return self.hangUpOnMachine()
        }
    }

    private mutating func hangUpOnMachine() -> [CallOutput] {
        self.outcome = "voicemail"
        return self.hangUp(reason: "voicemail")
    }

    /// The agent has heard that a machine has answered; its tool's output says what to do about it.
    mutating func voicemailReported(_ call: ToolCall, atUs: Int64) -> [CallOutput] {
        guard self.limits.voicemail != .goOn else { return [] }
        self.outcome = "voicemail"
        return self.limits.voicemail == .leaveMessage ? [] : self.hangUpWhenPlayed(reason: "voicemail", atUs: atUs)
    }
}
