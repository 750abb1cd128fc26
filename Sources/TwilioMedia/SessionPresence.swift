package import CallEvents

/// Whether the person on the phone of one Media Stream has been left with dead air by a session that is gone, and when
/// they are to hear a comfort tone.
///
/// A session whose model listens says so about once a second (`AudioFrame.Control.alive`). A tone is due when for 2.5 s
/// nothing was heard of the session and nothing sounded; what sounded last may be the agent, or the tone before.
///
/// Sessions of a version that never says so are silent whenever the agent is. So silence counts only where the session
/// heard last has said so, under its session epoch, on this stream; or where no session was ever heard on this stream,
/// from its first moment on.
package struct SessionPresence: Sendable {
    package static let patienceUs: Int64 = 2_500_000
    /// Larger steps of the clock, and steps back, are no silence: the clock was set, or the process stood still, and
    /// what it did not read then says nothing of the session.
    package static let longestStepUs: Int64 = 500_000

    /// The newest session that was heard.
    private var sessionEpoch: Int64?
    /// It has said that it is alive, or there was none yet: being silent, it is gone.
    private var isGoneWhenSilent = true
    /// Since when there was neither a sign of the session nor a sound.
    private var quietSinceUs: Int64?
    private var toldAtUs: Int64?

    package init() {}

    /// A frame of a session passed the fence.
    package mutating func heard(_ frame: AudioFrame, nowUs: Int64) {
        // What an earlier session has said may come behind the first sign of the next one.
        if let sessionEpoch, frame.sessionEpoch < sessionEpoch { return }
        if frame.sessionEpoch != self.sessionEpoch {
            self.sessionEpoch = frame.sessionEpoch
            self.isGoneWhenSilent = false
        }
        if frame.control == .alive { self.isGoneWhenSilent = true }
        self.quietSinceUs = nowUs
    }

    /// Time passed; to be told a few times a second, with a clock that may jump.
    /// - Parameter isSounding: something is on its way to the phone, or plays there.
    /// - Returns: whether a tone is due.
    package mutating func waited(isSounding: Bool, nowUs: Int64) -> Bool {
        let stepUs = nowUs - (self.toldAtUs ?? nowUs)
        self.toldAtUs = nowUs
        guard !isSounding, var quietSinceUs = self.quietSinceUs else {
            self.quietSinceUs = nowUs
            return false
        }
        if !(0...Self.longestStepUs).contains(stepUs) { quietSinceUs = min(quietSinceUs + stepUs, nowUs) }
        self.quietSinceUs = quietSinceUs
        return self.isGoneWhenSilent && nowUs - quietSinceUs >= Self.patienceUs
    }
}
