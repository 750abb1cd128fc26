package import CallEvents
import NIOCore

/// Which of the outbound frames of a call one of its streams plays: those made for it, by the newest session, not from
/// before the newest barge-in, each once.
package struct OutboundFence: Sendable {
    package struct Passage: Sendable, Equatable {
        /// A barge-in: whatever passed before and is not played must not play any more.
        package var clears = false
        /// Why the frame does not pass.
        package var dropped: PlayoutState.Drop?
    }

    private static let frameBytes = AudioFrame.Codec.pcmu.frameBytes

    private let streamEpoch: UInt32
    private var sessionEpoch: Int64?
    private var playoutEpoch: UInt32 = 0
    private var lastSequence: UInt64?

    package init(streamEpoch: UInt32) {
        self.streamEpoch = streamEpoch
    }

    /// The next frame, in the order of the topic.
    package mutating func admit(_ frame: AudioFrame) -> Passage {
        guard frame.streamEpoch == self.streamEpoch else { return Passage(dropped: .otherStream) }
        if let current = self.sessionEpoch, frame.sessionEpoch < current { return Passage(dropped: .staleSession) }
        // It overtakes what the session before has said, which is still to be played: it fences nothing off.
        if frame.control == .alive { return Passage() }
        if frame.sessionEpoch != self.sessionEpoch {
            self.sessionEpoch = frame.sessionEpoch
            self.playoutEpoch = 0
            self.lastSequence = nil
        }
        let clears = frame.playoutEpoch > self.playoutEpoch
        if clears { self.playoutEpoch = frame.playoutEpoch }
        return Passage(clears: clears, dropped: self.reasonToDrop(frame))
    }

    private mutating func reasonToDrop(_ frame: AudioFrame) -> PlayoutState.Drop? {
        // It has no sequence.
        if frame.control.isUnnumbered { return nil }
        if let last = self.lastSequence, frame.sequence <= last { return .repeated }
        self.lastSequence = frame.sequence
        // Whoever speaks into the goodbye does not keep the call: it counts whatever its playout epoch is.
        if frame.control == .hangUp { return nil }
        if frame.playoutEpoch < self.playoutEpoch { return .stalePlayout }
        let isAudio = frame.codec == .pcmu && frame.payload.readableBytes == Self.frameBytes
        return frame.control == .none && !isAudio ? .badAudio : nil
    }
}
