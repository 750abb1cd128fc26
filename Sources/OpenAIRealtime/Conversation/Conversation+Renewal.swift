import CallEvents

/// A session of the model that is to take the place of the present one.
enum Standby: Equatable, Sendable {
    case connecting
    case configuring(AgentSession)
    /// It waits for a silence; it knows this agent, and nothing of the conversation.
    case ready(ModelSession, AgentSession)
}

// The service ends every session after an hour at most, without a warning. So another one is opened before that, while
// the present one goes on, and takes over when nobody speaks: it is told the conversation, and nobody hears a thing.
extension Conversation {
    /// Before the end of its time a session that found no silence is left all the same: so long before it, between two
    /// responses; at the very end, also in one.
    private static let lastMinuteUs: Int64 = 60_000_000
    private static let lastSecondsUs: Int64 = 5_000_000
    /// After a session that was to stand by did not come about.
    private static let retryDelay = Duration.seconds(30)

    /// After five sixths of the session's time: 50 of 60 minutes.
    func scheduleRenewal(of session: ModelSession, atUs: Int64) -> ConversationAction {
        var delay = self.policy.sessionAge
        if let leftUs = session.leftUs(atUs: atUs) { delay = min(delay, .microseconds(max(0, leftUs / 6 * 5))) }
        return .schedule(.renewSession(session.id), after: delay)
    }

    mutating func renewalIsDue(of sessionID: String) -> [ConversationAction] {
        guard self.phase == .ready, self.session?.id == sessionID, self.standby == nil, !self.isEnding else {
            return []
        }
        self.standby = .connecting
        return [.connectStandby]
    }

    /// What the session that stands by says.
    package mutating func receivedStandby(_ event: ModelEvent, atUs: Int64) -> [ConversationAction] {
        switch (event, self.standby) {
        case (.opened, .connecting?):
            self.standby = .configuring(self.agent)
            return [.sendStandby(.configure(self.agent, format: self.codec))]
        case (.configured(let session), .configuring(let agent)?):
            self.standby = .ready(session, agent)
            return self.renewWhenSilent(atUs: atUs)
        case (.failed(let failure), .some) where failure.kind == .fatal || failure.kind == .expired:
            return [.dropStandby] + self.standbyLost()
        default: return []
        }
    }

    /// The session that stands by is gone, or did not come about: the present one goes on, and another is tried later.
    package mutating func standbyLost() -> [ConversationAction] {
        guard self.standby != nil else { return [] }
        self.standby = nil
        guard let session else { return [] }
        return [.schedule(.renewSession(session.id), after: Self.retryDelay)]
    }

    mutating func renewWhenSilent(atUs: Int64) -> [ConversationAction] {
        guard self.phase == .ready, self.standbyIsReady, self.mayRenew(atUs: atUs) else { return [] }
        return self.forgetSession(atUs: atUs, answeredBeforeUs: 0) + self.switchToStandby(atUs: atUs)
    }

    var standbyIsReady: Bool { if case .ready? = self.standby { true } else { false } }

    private func mayRenew(atUs: Int64) -> Bool {
        if self.gate.isSilent, self.outbound.isPlayed { return true }
        guard let leftUs = self.session?.leftUs(atUs: atUs) else { return false }
        // Music on hold may be speech to the model for an hour.
        return leftUs < Self.lastSecondsUs || (leftUs < Self.lastMinuteUs && !self.gate.isBusy)
    }

    mutating func switchToStandby(atUs: Int64) -> [ConversationAction] {
        guard case .ready(let session, let agent)? = self.standby.take() else { return [] }
        self.phase = .configuring
        let update: [ConversationAction] = agent == self.agent ? [] : [.send(.update(self.agent, after: agent))]
        return [.useStandby] + update + self.configured(session, atUs: atUs)
    }
}

extension ModelSession {
    /// Until it expires; nil when the service did not say, or nothing that is a time.
    fileprivate func leftUs(atUs: Int64) -> Int64? {
        // To the year 9999.
        guard (1...253_402_300_799).contains(self.expiresAt) else { return nil }
        return Int64(self.expiresAt) * 1_000_000 - atUs
    }
}
