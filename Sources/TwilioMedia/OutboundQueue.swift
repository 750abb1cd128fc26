package import CallEvents
package import NIOCore

/// What one Media Stream still has to send to Twilio, in order; a clear overtakes all of it.
///
/// At most `capacity` messages wait. Dropping audio would move every later playout position, so a stream whose socket
/// takes nothing until the queue is full must be ended instead: Twilio then asks for TwiML again, and the session sends
/// what was not played on the next stream.
package struct OutboundQueue: Sendable {
    /// A message to Twilio, and when the audio in it reached us (Unix microseconds; 0 for a control or a tone).
    package struct Message: Equatable, Sendable {
        package var command: MediaStreamCommand
        package var receivedAtUs: Int64
    }

    /// Two minutes of audio with its marks.
    package static let capacity = 7_200
    /// A queue that was longer than this gives its memory back when it is empty.
    private static let usualCapacity = 512

    package private(set) var playout: PlayoutState
    /// A message found no place: the stream must be ended.
    package private(set) var isOverflowing = false
    private var messages = CircularBuffer<Message>()
    private var presence = SessionPresence()
    private var lastItemID = ""

    package init(streamEpoch: UInt32) {
        self.playout = PlayoutState(streamEpoch: streamEpoch)
    }

    package var isEmpty: Bool { self.messages.isEmpty }

    /// A record of `audio.outbound.phone` arrived.
    /// - Parameter nowUs: Unix microseconds, here and below.
    package mutating func received(record: ByteBuffer, nowUs: Int64) throws(AudioFrameError) -> PlayoutState.Step {
        let frame = try AudioFrame(record: record, likelyItemID: self.lastItemID)
        self.lastItemID = frame.itemID
        return self.received(frame, nowUs: nowUs)
    }

    /// - Returns: what becomes of it.
    package mutating func received(_ frame: AudioFrame, nowUs: Int64) -> PlayoutState.Step {
        let step = self.playout.received(frame, nowUs: nowUs)
        if step.dropped == nil { self.presence.heard(frame, nowUs: nowUs) }
        if step.clear {
            // What waits here must not play, and the marks among it are void.
            self.removeAll()
            self.messages.append(
                Message(command: .clear, receivedAtUs: frame.control == .clear ? frame.receivedAtUs : 0)
            )
        }
        if let audio = step.audio {
            guard self.messages.count < Self.capacity else {
                self.isOverflowing = true
                return step
            }
            self.messages.append(Message(command: .media(payload: audio), receivedAtUs: frame.receivedAtUs))
        }
        if let mark = step.mark { self.messages.append(Message(command: .mark(name: mark), receivedAtUs: 0)) }
        return step
    }

    /// Twilio returned a mark.
    package mutating func acknowledged(mark: String, nowUs: Int64) -> PlayoutState.Acknowledged {
        self.playout.acknowledged(mark: mark, nowUs: nowUs)
    }

    /// Time passed; to be told a few times a second. Puts a comfort tone in when one is due (`SessionPresence`), but never
    /// behind the hang-up.
    /// - Parameter tone: frames of 20 ms.
    /// - Returns: whether it did.
    package mutating func waited(tone: [ByteBuffer], nowUs: Int64) -> Bool {
        let isSounding = !self.messages.isEmpty || !self.playout.isQuiet(nowUs: nowUs)
        guard self.presence.waited(isSounding: isSounding, nowUs: nowUs), !self.playout.isHangingUp else {
            return false
        }
        self.playout.playsTone(milliseconds: 20 * tone.count, nowUs: nowUs)
        for frame in tone { self.messages.append(Message(command: .media(payload: frame), receivedAtUs: 0)) }
        return true
    }

    /// The next message to send; nil when all are sent.
    package mutating func next() -> Message? {
        guard let message = self.messages.popFirst() else {
            self.removeAll()
            return nil
        }
        return message
    }

    private mutating func removeAll() {
        if self.messages.capacity > Self.usualCapacity {
            self.messages = CircularBuffer()
        } else {
            self.messages.removeAll(keepingCapacity: true)
        }
    }
}
