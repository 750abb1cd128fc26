import CallEvents
import NIOCore

extension AudioFrame.Codec {
    var bytesPerMs: Int { self.frameBytes / InboundAudio.frameMs }
    fileprivate var silence: UInt8 { self == .pcmu ? 0xff : 0 }
}

/// What the agent says, on its way to the phone: cuts it into frames, numbers them, and knows what was played of it.
///
/// An item stays here until the phone has played it. Its frames are kept that long, for a stream that takes over.
struct OutboundAudio: Sendable {
    /// Where the phone is to be reached.
    struct Target: Equatable, Sendable {
        var streamEpoch: UInt32
        var partition: Int32
    }

    /// An item that was stopped before its end.
    struct CutItem: Equatable, Sendable {
        var itemID: String
        var contentIndex: Int
        /// Never more than `audioMs`, the audio that the model gave.
        var playedMs: Int
        var audioMs: Int
        /// It was said in an earlier session of the model: this one knows it as text.
        var isText: Bool
    }

    private struct Item: Sendable {
        var id: String
        var contentIndex = 0
        /// Another session stage sent it: its frames are not here.
        var isInherited = false
        var isText = false
        var isEnded = false
        /// What the model gave, without padding.
        var audioMs: Int { self.bytes / self.bytesPerMs }
        var playedMs = 0
        /// Where the present stream began to play it.
        var startMs = 0
        var bytes = 0
        var bytesPerMs: Int
        /// Less than a frame.
        var rest = ByteBuffer()
        /// Frames that are not known to be played; `firstFrame` numbers the first of them.
        var frames = CircularBuffer<ByteBuffer>()
        var firstFrame = 0

        var isPlayed: Bool { self.isEnded && self.playedMs >= self.audioMs }
    }

    private let codec: AudioFrame.Codec
    private let sessionEpoch: Int64
    private(set) var target: Target?
    private(set) var hasHungUp = false
    private var sequence: UInt64 = 0
    private var playoutEpoch: UInt32 = 0
    private var items: [Item] = []
    /// The last item of the session before this one; it counts as soon as the phone says that it is playing it.
    private var inherited: Item?

    init(codec: AudioFrame.Codec, sessionEpoch: Int64, target: Target?) {
        self.codec = codec
        self.sessionEpoch = sessionEpoch
        self.target = target
    }

    mutating func inherit(itemID: String, audioMs: Int) {
        var item = Item(id: itemID, bytesPerMs: self.codec.bytesPerMs)
        item.isInherited = true
        item.isText = true
        item.isEnded = true
        item.bytes = audioMs * item.bytesPerMs
        self.inherited = item
    }

    /// Milliseconds of audio that the model gave of an item; nil when all of it was played or cut.
    func audioMs(of itemID: String) -> Int? {
        self.items.first { $0.id == itemID }?.audioMs
    }

    /// The phone has played everything, as far as is known.
    var isPlayed: Bool { self.items.isEmpty }

    mutating func add(_ audio: ByteBuffer, itemID: String, contentIndex: Int, atUs: Int64) -> [AudioFrame] {
        let index = self.index(of: itemID, contentIndex: contentIndex)
        self.items[index].bytes += audio.readableBytes
        self.items[index].rest.writeImmutableBuffer(audio)
        var frames: [AudioFrame] = []
        // A frame that shared its memory would keep all of this until it is played.
        while let payload = self.items[index].rest.readSlice(length: self.codec.frameBytes) {
            self.append(payload.unshared, to: index, atUs: atUs, into: &frames)
        }
        self.items[index].rest = self.items[index].rest.unshared
        return frames
    }

    /// All of the item's audio is there: the last frame is filled up with silence, and the end is marked.
    mutating func end(_ itemID: String, atUs: Int64) -> [AudioFrame] {
        guard let index = self.items.firstIndex(where: { $0.id == itemID }), !self.items[index].isEnded else {
            return []
        }
        self.items[index].isEnded = true
        var frames: [AudioFrame] = []
        let missing = self.codec.frameBytes - self.items[index].rest.readableBytes
        if missing < self.codec.frameBytes {
            var payload = self.items[index].rest
            payload.writeRepeatingByte(self.codec.silence, count: missing)
            self.items[index].rest = ByteBuffer()
            self.append(payload, to: index, atUs: atUs, into: &frames)
        }
        self.number(self.frame(itemID: itemID, control: .endOfItem, atUs: atUs), into: &frames)
        self.forgetPlayed()
        return frames
    }

    /// Hang up when everything so far was played.
    mutating func hangUp(atUs: Int64) -> [AudioFrame] {
        self.hasHungUp = true
        var frames: [AudioFrame] = []
        self.number(self.frame(itemID: self.items.last?.id ?? "", control: .hangUp, atUs: atUs), into: &frames)
        return frames
    }

    /// The phone has played this much of an item, in the present stream.
    /// - Returns: whether that was the end of an item.
    mutating func played(_ playout: AudioFrame.Playout) -> Bool {
        if let inherited, inherited.id == playout.itemID {
            self.items.insert(inherited, at: 0)
            self.inherited = nil
        }
        guard let index = self.items.firstIndex(where: { $0.id == playout.itemID }) else { return false }
        let count = self.items.count
        self.items.removeFirst(index)
        let playedMs = self.items[0].startMs + Int(playout.playedMs)
        self.items[0].playedMs = max(self.items[0].playedMs, playedMs)
        let playedFrames = self.items[0].playedMs / InboundAudio.frameMs
        while self.items[0].firstFrame < playedFrames, self.items[0].frames.popFirst() != nil {
            self.items[0].firstFrame += 1
        }
        self.forgetPlayed()
        return self.items.count < count
    }

    /// Nothing of what is not played yet may play any more.
    /// - Returns: nil when everything was played: there is nothing to stop.
    mutating func cut(atUs: Int64) -> (clear: AudioFrame, items: [CutItem])? {
        guard !self.items.isEmpty else { return nil }
        let cut = self.items.map { item in
            CutItem(
                itemID: item.id,
                contentIndex: item.contentIndex,
                playedMs: min(item.playedMs, item.audioMs),
                audioMs: item.audioMs,
                isText: item.isText
            )
        }
        return (self.clear(atUs: atUs), cut)
    }

    /// The next session of the model is told what was said as text.
    mutating func sessionLost() {
        for index in self.items.indices { self.items[index].isText = true }
    }

    /// Stops whatever the phone plays, also what an earlier session left there.
    mutating func clear(atUs: Int64) -> AudioFrame {
        self.items = []
        self.inherited = nil
        self.playoutEpoch += 1
        return self.frame(itemID: "", control: .clear, atUs: atUs)
    }

    /// Says that the model listens.
    func alive(atUs: Int64) -> AudioFrame {
        self.frame(itemID: "", control: .alive, atUs: atUs)
    }

    /// The phone is reached another way now. What it has not played is sent again, from the last position that is
    /// known, under new numbers.
    mutating func moved(to target: Target, atUs: Int64) -> [AudioFrame] {
        self.target = target
        self.inherited = nil
        self.items.removeAll(where: \.isInherited)
        var frames: [AudioFrame] = []
        for index in self.items.indices {
            self.items[index].startMs = self.items[index].firstFrame * InboundAudio.frameMs
            for payload in self.items[index].frames {
                var frame = self.frame(itemID: self.items[index].id, control: .none, atUs: atUs)
                frame.payload = payload
                self.number(frame, into: &frames)
            }
            guard self.items[index].isEnded else { continue }
            self.number(self.frame(itemID: self.items[index].id, control: .endOfItem, atUs: atUs), into: &frames)
        }
        if self.hasHungUp { self.number(self.frame(itemID: "", control: .hangUp, atUs: atUs), into: &frames) }
        return frames
    }

    private mutating func index(of itemID: String, contentIndex: Int) -> Int {
        if let index = self.items.lastIndex(where: { $0.id == itemID }) { return index }
        var item = Item(id: itemID, bytesPerMs: self.codec.bytesPerMs)
        item.contentIndex = contentIndex
        self.items.append(item)
        return self.items.count - 1
    }

    private mutating func append(_ payload: ByteBuffer, to index: Int, atUs: Int64, into frames: inout [AudioFrame]) {
        self.items[index].frames.append(payload)
        var frame = self.frame(itemID: self.items[index].id, control: .none, atUs: atUs)
        frame.payload = payload
        self.number(frame, into: &frames)
    }

    /// Gives the frame its number; while there is no stream it waits for one with the item's other frames.
    private mutating func number(_ frame: AudioFrame, into frames: inout [AudioFrame]) {
        guard self.target != nil else { return }
        var numbered = frame
        numbered.sequence = self.sequence
        self.sequence += 1
        frames.append(numbered)
    }

    private func frame(itemID: String, control: AudioFrame.Control, atUs: Int64) -> AudioFrame {
        AudioFrame(
            codec: self.codec,
            streamEpoch: self.target?.streamEpoch ?? 0,
            outboundPartition: self.target?.partition ?? 0,
            receivedAtUs: atUs,
            sessionEpoch: self.sessionEpoch,
            playoutEpoch: self.playoutEpoch,
            itemID: itemID,
            control: control
        )
    }

    private mutating func forgetPlayed() {
        while let first = self.items.first, first.isPlayed { self.items.removeFirst() }
    }
}
