import CallEvents
import NIOCore

/// A place in the inbound audio of a call, in the order in which it was spoken.
struct InboundPosition: Comparable, Hashable, Sendable {
    var streamEpoch: UInt32
    var sequence: UInt64

    init(_ frame: AudioFrame) {
        self.streamEpoch = frame.streamEpoch
        self.sequence = frame.sequence
    }

    init(_ position: AudioPosition) {
        self.streamEpoch = position.streamEpoch
        self.sequence = position.sequence
    }

    var message: AudioPosition {
        var message = AudioPosition()
        message.streamEpoch = self.streamEpoch
        message.sequence = self.sequence
        return message
    }

    static func < (left: InboundPosition, right: InboundPosition) -> Bool {
        (left.streamEpoch, left.sequence) < (right.streamEpoch, right.sequence)
    }
}

/// What the person said, on its way to the model: drops what was seen, keeps what the model has not answered so that
/// another session of the model can be given it again.
///
/// Kept are at most 15 s, and while no turn is open only the last second (a turn begins with the padding before its
/// speech). When more comes than that, the oldest goes.
struct InboundAudio: Sendable {
    struct Kept: Sendable {
        var position: InboundPosition
        var payload: ByteBuffer
        var receivedAtUs: Int64
    }

    static let limit = 750
    static let limitBetweenTurns = 50
    static let frameMs = 20

    private let codec: AudioFrame.Codec
    /// Frames up to here were answered: they are never given again.
    private(set) var answeredThrough: InboundPosition?
    /// The newest frame that the present session of the model has.
    private(set) var newestGiven: InboundPosition?
    /// Audio given to the present session that an earlier one may have answered: a turn that begins in it is answered
    /// for the second time.
    private(set) var repeatedMs = 0

    private var newest: InboundPosition?
    private var kept = CircularBuffer<Kept>()
    /// How many of `kept`, from its start, the present session of the model has.
    private var givenCount = 0
    private var givenMs = 0
    /// Audio that reached us before this time, Unix microseconds, was there for an earlier session.
    private var repeatedBeforeUs: Int64
    private var turnIsOpen = false
    private var lastTurnEnd: InboundPosition?

    /// - Parameter takenOverAtUs: when this session took over from another; 0 when it is the first.
    init(codec: AudioFrame.Codec, answeredThrough: InboundPosition?, takenOverAtUs: Int64) {
        self.codec = codec
        self.answeredThrough = answeredThrough
        self.repeatedBeforeUs = takenOverAtUs
    }

    /// - Returns: why the frame, or the oldest one kept, is lost; nil when nothing is.
    mutating func received(_ frame: AudioFrame) -> FrameDrop? {
        let isSilence = frame.isWithheldSilence
        guard frame.codec == self.codec, isSilence || frame.payload.readableBytes == self.codec.frameBytes else {
            return .unreadable
        }
        let position = InboundPosition(frame)
        if let newest, position.streamEpoch < newest.streamEpoch { return .oldStream }
        if let newest, position <= newest { return .repeated }
        self.newest = position
        if let answeredThrough, position <= answeredThrough { return .answered }
        // Nothing to give: the model's clock, which counts the audio that it has, stands still meanwhile.
        if isSilence { return nil }
        let kept = Kept(position: position, payload: frame.payload.unshared, receivedAtUs: frame.receivedAtUs)
        self.kept.append(kept)
        guard self.kept.count > Self.limit else { return nil }
        self.kept.removeFirst()
        guard self.givenCount > 0 else { return .overflow }
        self.givenCount -= 1
        return nil
    }

    /// Gives the frames that the present session of the model does not have yet; from now on it has them.
    mutating func give(_ body: (Kept) -> Void) {
        for frame in self.kept.dropFirst(self.givenCount) {
            self.givenMs += Self.frameMs
            if frame.receivedAtUs < self.repeatedBeforeUs { self.repeatedMs = self.givenMs }
            self.newestGiven = frame.position
            body(frame)
        }
        self.givenCount = self.kept.count
        self.trim()
    }

    mutating func speechStarted() {
        self.turnIsOpen = true
        self.lastTurnEnd = nil
    }

    /// - Returns: the end of the turn, nil when the session was given nothing.
    mutating func turnEnded() -> InboundPosition? {
        self.lastTurnEnd = self.newestGiven
        return self.newestGiven
    }

    mutating func answered(through position: InboundPosition) {
        self.answeredThrough = max(self.answeredThrough ?? position, position)
        while let first = self.kept.first, first.position <= position {
            self.kept.removeFirst()
            if self.givenCount > 0 { self.givenCount -= 1 }
        }
        if let lastTurnEnd, lastTurnEnd <= position { self.turnIsOpen = false }
        self.trim()
    }

    /// The next session of the model gets everything that is kept.
    mutating func sessionLost(repeatedBeforeUs: Int64) {
        self.givenCount = 0
        self.givenMs = 0
        self.repeatedMs = 0
        self.repeatedBeforeUs = repeatedBeforeUs
        self.newestGiven = nil
    }

    /// Whether audio up to the end of that turn is at hand.
    func holds(through position: InboundPosition) -> Bool {
        guard let first = self.kept.first else { return false }
        return first.position <= position
    }

    private mutating func trim() {
        guard !self.turnIsOpen else { return }
        while self.givenCount > Self.limitBetweenTurns {
            self.kept.removeFirst()
            self.givenCount -= 1
        }
    }
}
