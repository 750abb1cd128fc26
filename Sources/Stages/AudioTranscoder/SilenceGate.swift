import Audio
import CallEvents
import NIOCore

/// What a silence gate has become.
package enum SilenceGateChange: String, CaseIterable, Sendable {
    case open
    case closed
}

/// Which frames of one stream of the phone are forwarded.
///
/// A frame is *open* when a loud one is at most `hangOver` frames before it or at most `preRoll` frames after it, and so
/// is the stream's first frame, which tells the session where the phone is. All others are *closed*. That is a function
/// of the stream alone, within a window: whoever begins to read at what a frame `needs` decides alike.
///
/// An open frame is never delayed, except those of the pre-roll: they wait here until a loud one comes, or until they
/// have left its window and are closed.
struct SilenceGate: Sendable {
    /// What is known of a frame that waits, and its audio.
    struct Waiting: Sendable {
        var offset: Int64
        /// 20 ms of mu-law.
        var payload: ByteBuffer
        fileprivate var header: Header

        /// The frame as it came, except for what all frames of a run have in common.
        func write(to frame: inout AudioFrame) {
            frame.sequence = self.header.sequence
            frame.receivedAtUs = self.header.receivedAtUs
            frame.timestampMs = self.header.timestampMs
            frame.outboundPartition = self.header.outboundPartition
            frame.playout = self.header.itemID.map { AudioFrame.Playout(itemID: $0, playedMs: self.header.playedMs) }
        }
    }

    fileprivate struct Header: Sendable {
        var offset: Int64
        var sequence: UInt64
        var receivedAtUs: Int64
        var itemID: String?
        var playedMs: UInt32
        var timestampMs: UInt32
        var outboundPartition: Int32
    }

    struct Verdict: Sendable {
        /// Frames that waited and are closed, in order.
        var closed: [Waiting] = []
        /// Frames that waited and are open, in order, behind the closed ones.
        var opened: [Waiting] = []
        /// The frame itself is open; otherwise it waits, or is the last of `closed`.
        var isOpen = true
        /// The audio before the first frame that is open now; nil while the gate stays open, and at a stream's start.
        var before: ByteBuffer?
        /// The gate was closed before and is open now, or the reverse; nil when it stays as it was.
        var change: SilenceGateChange?
        /// The offset of the earliest frame before this one that must be known to decide about it and to convert it.
        var needs: Int64?
        /// The same for the next frame.
        var nextNeeds: Int64
    }

    private let settings: SilenceGateSettings
    /// As of the last change: while the frames behind a stream's first wait, it is closed.
    private var isOpen = false
    private var lastLoud: (sequence: UInt64, offset: Int64?)?
    /// The offset of the last frame.
    private var last: Int64?
    private var waiting: [Header] = []
    /// The audio of the frame before the first that waits, or the next one, if there is one; then of all that wait.
    private var codes: [UInt8] = []

    init(_ settings: SilenceGateSettings) {
        self.settings = settings
    }

    /// Takes the stream's next frame: 20 ms of mu-law, later in its sequence than all before.
    mutating func received(_ frame: AudioFrame, offset: Int64) -> Verdict {
        let isLoud = AudioLevel.dbfs(mulaw: frame.payload) >= self.settings.threshold
        let (sequence, preRoll, hangOver) = (frame.sequence, self.settings.preRoll, self.settings.hangOver)
        var verdict = Verdict(needs: self.last, nextNeeds: offset)
        if isLoud {
            verdict.closed = self.take { sequence - $0.sequence > preRoll }
            if !self.isOpen { verdict.before = self.before }
            verdict.opened = self.take { _ in true }
            verdict.change = self.isOpen ? nil : .open
            self.lastLoud = (sequence, offset)
        } else if let lastLoud, sequence - lastLoud.sequence <= hangOver {
            verdict.needs = lastLoud.offset ?? self.last
        } else if sequence != 0 {
            verdict.isOpen = false
            verdict.change = self.isOpen ? .closed : nil
            verdict.closed = self.take { sequence - $0.sequence >= preRoll }
            self.wait(frame, offset: offset)
            if preRoll == 0 { verdict.closed = self.take { _ in true } }
        }
        if verdict.isOpen { self.pass(frame.payload) }
        if let change = verdict.change { self.isOpen = change == .open }
        self.last = offset
        if let lastLoud, sequence - lastLoud.sequence < hangOver { verdict.nextNeeds = lastLoud.offset ?? offset }
        return verdict
    }

    /// The stream is over, another one begins: what waited is closed.
    mutating func ended() -> [Waiting] {
        defer { self = SilenceGate(self.settings) }
        return self.take { _ in true }
    }

    /// No frame has come for long: nothing is read again for this stream's sake.
    /// - Returns: the offsets of the frames that wait.
    mutating func letGo() -> [Int64] {
        self.last = nil
        self.lastLoud?.offset = nil
        return self.waiting.map(\.offset)
    }

    private var before: ByteBuffer? {
        let size = self.codes.count - self.waiting.count * AudioFrame.Codec.pcmu.frameBytes
        return size > 0 ? ByteBuffer(bytes: self.codes[..<size]) : nil
    }

    /// Nothing waits: what was kept for that is given back.
    private mutating func pass(_ payload: ByteBuffer) {
        if self.waiting.capacity > 0 { (self.waiting, self.codes) = ([], []) }
        self.codes.removeAll(keepingCapacity: true)
        self.codes.append(contentsOf: payload.readableBytesView)
    }

    private mutating func wait(_ frame: AudioFrame, offset: Int64) {
        if self.waiting.isEmpty {
            self.waiting.reserveCapacity(max(1, Int(self.settings.preRoll)))
            self.codes.reserveCapacity((Int(self.settings.preRoll) + 1) * AudioFrame.Codec.pcmu.frameBytes)
        }
        // One text for all, where it is the same.
        let known = self.waiting.last?.itemID
        self.waiting.append(
            Header(
                offset: offset,
                sequence: frame.sequence,
                receivedAtUs: frame.receivedAtUs,
                itemID: known == frame.playout?.itemID ? known : frame.playout?.itemID,
                playedMs: frame.playout?.playedMs ?? 0,
                timestampMs: frame.timestampMs,
                outboundPartition: frame.outboundPartition
            )
        )
        self.codes.append(contentsOf: frame.payload.readableBytesView)
    }

    /// The first frames that wait, as long as `isTaken`; the audio of the last of them stays, as what was before.
    private mutating func take(while isTaken: (Header) -> Bool) -> [Waiting] {
        let count = self.waiting.prefix(while: isTaken).count
        guard count > 0 else { return [] }
        let size = AudioFrame.Codec.pcmu.frameBytes
        let start = self.codes.count - self.waiting.count * size
        let taken = self.waiting.prefix(count).enumerated().map { index, header in
            let place = start + index * size
            let payload = ByteBuffer(bytes: self.codes[place..<place + size])
            return Waiting(offset: header.offset, payload: payload, header: header)
        }
        self.codes.removeFirst(start + (count - 1) * size)
        self.waiting.removeFirst(count)
        return taken
    }
}
