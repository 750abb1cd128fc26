import CallEvents
import Synchronization

/// Announces a call whose claim has no outcome yet: publishes `requested` and settles the claim.
///
/// Whoever first learns the callSid does it, the instance that dialled or one that Twilio tells of the call; the event's
/// id is the same whoever writes it.
final class CallOpener: Sendable {
    private let claims: Claims
    private let events: EventWriter
    /// Claims whose call is being announced here, and who waits for that: Twilio's first callback often overtakes the
    /// answer to the request that made the call.
    private let opening = Mutex<[String: [AsyncStream<Void>.Continuation]]>([:])

    init(claims: Claims, events: EventWriter) {
        self.claims = claims
        self.events = events
    }

    /// Does nothing when the claim is settled already, or is not known.
    /// - Throws: `KafkaError` when the event or the outcome could not be written, `CancellationError`: it may be called
    ///   again.
    func opened(claimKey: String, callSid: CallSid) async throws {
        while let pending = self.claims.pending(claimKey) {
            guard await self.begin(claimKey) else {
                try Task.checkCancellation()
                continue
            }
            defer { self.end(claimKey) }
            try await self.events.write(.requested(pending.request), id: "requested/\(callSid)", callSid: callSid)
            try await self.claims.settle(claimKey, claimID: pending.claimID, callSid: callSid)
            return
        }
    }

    /// - Returns: false after another was at it.
    private func begin(_ claimKey: String) async -> Bool {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let isFirst = self.opening.withLock { opening in
            guard opening[claimKey] != nil else {
                opening[claimKey] = []
                return true
            }
            opening[claimKey]?.append(continuation)
            return false
        }
        if !isFirst { for await _ in stream {} }
        return isFirst
    }

    private func end(_ claimKey: String) {
        let waiting = self.opening.withLock { $0.removeValue(forKey: claimKey) }
        for continuation in waiting ?? [] { continuation.finish() }
    }
}
