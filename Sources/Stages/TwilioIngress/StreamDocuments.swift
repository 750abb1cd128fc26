import CallEvents
import StageRuntime
import TwilioMedia

/// Makes the TwiML that connects a call to a Media Stream of ours, and that brings Twilio back when it ends.
struct StreamDocuments: Sendable {
    /// From the TwiML to the stream's `start`, which takes Twilio well under a second.
    private static let tokenSeconds: Int64 = 60
    /// A key with the pause behind it takes no longer, nor does a `W`.
    private static let secondsPerDigit: Int64 = 1

    let publicURL: PublicURL
    let tokens: StreamToken.Authority

    /// Connects the stream of `epoch`; when it ends, Twilio asks with `next`.
    func connect(callSid: CallSid, epoch: UInt32, next: StreamPlan) -> TwiML {
        TwiML(verbs: self.verbs(callSid: callSid, epoch: epoch, next: next, afterSeconds: 0))
    }

    /// Presses keys, then connects the stream of `streamEpoch`. Replacing what the call does now ends its stream.
    func press(_ digits: String, callSid: CallSid, streamEpoch: UInt32) -> TwiML {
        let seconds = Int64(digits.utf8.count) * Self.secondsPerDigit
        let next = StreamPlan(
            epoch: streamEpoch + 1,
            attempt: 1,
            connectedAtMs: UnixTime.nowMs + seconds * 1_000
        )
        return TwiML(
            verbs: [.play(digits: digits)]
                + self.verbs(callSid: callSid, epoch: streamEpoch, next: next, afterSeconds: seconds)
        )
    }

    private func verbs(callSid: CallSid, epoch: UInt32, next: StreamPlan, afterSeconds: Int64) -> [TwiML.Verb] {
        let token = StreamToken(
            callSid: callSid,
            streamEpoch: epoch,
            expiresAt: UnixTime.nowSeconds + afterSeconds + Self.tokenSeconds
        )
        let again = self.publicURL.callback(PublicURL.Path.twiml, query: next.query)
        let stream = TwiML.Stream(
            url: self.publicURL.stream,
            statusCallback: self.publicURL.callback(
                PublicURL.Path.streamStatus,
                query: next.request.map { "request=\($0)" } ?? ""
            ),
            parameters: [FormField(MediaStreamServer.tokenParameter, self.tokens.sign(token))]
        )
        return [.connectStream(stream, action: again), .redirect(url: again)]
    }
}
