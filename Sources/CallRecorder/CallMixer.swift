package import CallEvents
import NIOCore

/// Puts a call's two sides together: the caller's frames in their places lead, and say how much of the agent's audio was
/// played by then.
///
/// For each frame of the caller: `received(_:)`, then outbound frames as long as `lacksAudio` and there are any, then
/// `settle`. It holds a few seconds of both sides and what the agent was sent and has not said.
package struct CallMixer: Sendable {
    /// What is older than this, before the caller's newest frame, is not changed any more.
    private static let windowMs = PlayoutPlacing.lookAheadMs + 3_000
    /// What is handed out at least.
    private static let blockMs = 1_000

    private var window = StereoWindow()
    private var agent = AgentAudio(streamEpoch: 0)
    private var placing = PlayoutPlacing()
    private var current: CallAxis.Frame?
    private var lastPlayout: AudioFrame.Playout?
    /// Frames of the caller during which something of the agent was played that is not there.
    package private(set) var framesWithoutAgent = 0

    package init() {}

    /// Milliseconds of both sides that are held.
    package var heldMs: Int { self.window.endMs - self.window.startMs + self.agent.waitingMs }
    /// The end of what is written.
    package var writtenMs: Int { self.window.startMs }

    package mutating func received(_ frame: CallAxis.Frame) {
        if frame.streamEpoch != self.current?.streamEpoch {
            // What the stream before did not play is sent again on this one.
            self.placeAgent(nowMs: nil)
            self.agent = AgentAudio(streamEpoch: frame.streamEpoch)
            self.placing = PlayoutPlacing()
        }
        self.current = frame
    }

    /// Something was played that no outbound frame has brought yet.
    package var lacksAudio: Bool {
        self.current?.playout.map { !self.agent.holds($0) } ?? false
    }

    /// An outbound frame of the call, in the order of its topic.
    package mutating func received(agent frame: AudioFrame) {
        self.agent.received(frame)
    }

    /// Hands out what is finished: both tracks alternating, mu-law.
    package mutating func settle(_ body: ([UInt8]) throws -> Void) rethrows {
        guard let frame = self.current else { return }
        if let playout = frame.playout {
            if self.lacksAudio, playout != self.lastPlayout { self.framesWithoutAgent += 1 }
            self.lastPlayout = playout
            self.placing.played(self.agent.take(upTo: playout), atMs: frame.startMs)
        }
        self.placeAgent(nowMs: frame.startMs)
        let finishedMs = frame.startMs - Self.windowMs
        if finishedMs >= self.window.startMs + Self.blockMs { try self.window.take(upToMs: finishedMs, body) }
        self.window.place(frame.audio, on: .caller, atMs: frame.startMs)
    }

    /// No more frames come; hands out the rest.
    package mutating func finish(_ body: ([UInt8]) throws -> Void) rethrows {
        self.placeAgent(nowMs: nil)
        try self.window.take(upToMs: self.window.endMs, body)
    }

    private mutating func placeAgent(nowMs: Int?) {
        while let piece = self.placing.next(nowMs: nowMs, earliestMs: self.window.startMs) {
            self.window.place(piece.audio, on: .agent, atMs: piece.startMs)
        }
    }
}
