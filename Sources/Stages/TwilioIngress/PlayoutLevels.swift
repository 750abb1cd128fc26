import Audio
import CallEvents
import NIOCore
import TwilioMedia

/// How loud the agent is on the phone at this moment: the energy of what was sent, looked up where playing is. The
/// model speaks faster than it is heard, so what was just sent says nothing about that.
struct PlayoutLevels {
    /// What is shown at a time.
    private static let windowMs = 200

    private static let frameMs = 20

    private struct Frame {
        /// Where on the stream's axis of audio sent the frame ends, in milliseconds.
        var endMs: Int32
        /// In units of 256, so that it fits.
        var energy: UInt32
    }

    private var frames = CircularBuffer<Frame>()
    private var lastPlayedMs = 0

    /// A frame came out of the playout's state machine.
    /// - Parameter sentMs: where the axis ends now.
    mutating func follow(_ step: PlayoutState.Step, sentMs: Int) {
        if step.clear {
            // The axis was cut where playing was; what is behind it never plays.
            let playedMs = sentMs - (step.audio == nil ? 0 : Self.frameMs)
            while let last = self.frames.last, last.endMs > playedMs { self.frames.removeLast() }
        }
        guard let audio = step.audio else { return }
        let energy = UInt32(truncatingIfNeeded: AudioLevel.energy(mulaw: audio) >> 8)
        self.frames.append(Frame(endMs: Int32(truncatingIfNeeded: sentMs), energy: energy))
    }

    /// The level of the last 200 ms that were played, in dBFS; silence while nothing plays.
    /// - Parameters:
    ///   - playedMs: where playing is on the axis.
    ///   - sentMs: where the axis ends.
    mutating func level(playedMs: Int, sentMs: Int) -> Float {
        while let first = self.frames.first, first.endMs <= playedMs - Self.windowMs { self.frames.removeFirst() }
        defer { self.lastPlayedMs = playedMs }
        guard playedMs != self.lastPlayedMs || playedMs < sentMs else { return AudioLevel.silence }
        var energy: UInt64 = 0
        var count = 0
        for frame in self.frames {
            if frame.endMs >= playedMs + Self.frameMs { break }
            energy += UInt64(frame.energy) << 8
            count += 1
        }
        return AudioLevel.dbfs(energy: energy, samples: count * AudioFrame.Codec.pcmu.frameBytes)
    }
}
