import CallEvents

/// Announces a call whose claim has no outcome yet: publishes `requested` and settles the claim.
///
/// Whoever first learns the callSid does it, the instance that dialled or one that Twilio asks for TwiML; the event's
/// id is the same whoever writes it.
struct CallOpener: Sendable {
    let claims: Claims
    let events: EventWriter

    /// Does nothing when the claim is settled already, or is not known.
    /// - Throws: `KafkaError` when the event or the outcome could not be written: it may be called again.
    func opened(claimKey: String, callSid: CallSid) async throws {
        guard let pending = self.claims.pending(claimKey) else { return }
        try await self.events.write(.requested(pending.request), id: "requested/\(callSid)", callSid: callSid)
        try await self.claims.settle(claimKey, claimID: pending.claimID, callSid: callSid)
    }
}
