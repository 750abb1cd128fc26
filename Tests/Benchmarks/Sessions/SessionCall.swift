import CallEvents
import NIOCore

/// One call as everybody but realtime-session sees it: what the phone said and when, what it plays, and what the model
/// was given and gave. A value; whoever owns it tells the time.
struct SessionCall: Sendable {
    /// What the phone has of the agent, which it plays in real time.
    private struct Item: Sendable {
        var id: String
        var ms: Int = 0
        var isEnded = false
        /// Of `Clock.nanoseconds`.
        var began: UInt64
    }

    /// A frame that is on its way, by its number in the call.
    private struct Sent: Sendable {
        var number = -1
        var at: UInt64 = 0
    }

    let callSid: String
    /// Numbers of the ledgers' frames of this place begin here: earlier calls had those before.
    let firstInbound: Int
    let firstOutbound: Int
    private let frameBytes: Int
    /// Of the phone, which stays what it is while the call lasts.
    private(set) var spoken = 0
    private(set) var given = 0
    /// The last 20 s of the phone: more than any session is behind.
    private var sent = Array(repeating: Sent(), count: 1024)
    private var items: [Item] = []
    private var position: AudioFrame.Playout?
    /// Of the item that the model is saying: bytes that are not a frame yet.
    private var rest = 0
    /// When the model had given each numbered frame of the agent that has not come back yet, in order.
    private var said: CircularBuffer<UInt64> = []
    private var firstSaid = 0
    private(set) var saidCount = 0

    init(callSid: String, codec: AudioFrame.Codec, firstInbound: Int, firstOutbound: Int) {
        self.callSid = callSid
        self.frameBytes = codec.frameBytes
        self.firstInbound = firstInbound
        self.firstOutbound = firstOutbound
    }

    // MARK: The phone

    /// - Returns: the frame's number in the call.
    mutating func spoke(at now: UInt64) -> Int {
        let number = self.spoken
        self.spoken += 1
        self.sent[number % self.sent.count] = Sent(number: number, at: now)
        return number
    }

    /// How far the phone is with what the agent says; every tenth of a second is known, as Twilio's marks tell it.
    mutating func playout(at now: UInt64) -> AudioFrame.Playout? {
        while let first = self.items.first {
            let ms = Int((now - min(now, first.began)) / 1_000_000)
            let isPlayed = first.isEnded && ms >= first.ms
            let playedMs = isPlayed ? first.ms : min(first.ms, ms) / 100 * 100
            self.position = AudioFrame.Playout(itemID: first.id, playedMs: UInt32(playedMs))
            guard isPlayed else { break }
            self.items.removeFirst()
            if !self.items.isEmpty { self.items[0].began = max(self.items[0].began, now) }
        }
        return self.position
    }

    /// A frame of the agent has come to the phone.
    mutating func heard(_ frame: AudioFrame, at now: UInt64) {
        switch frame.control {
        case .none:
            if self.items.last?.id != frame.itemID { self.items.append(Item(id: frame.itemID, began: now)) }
            self.items[self.items.count - 1].ms += 20
        case .endOfItem: if let last = self.items.indices.last { self.items[last].isEnded = true }
        case .clear: self.items = []
        case .hangUp, .alive: break
        }
    }

    // MARK: The model

    /// The model was given the phone's next frames.
    /// - Returns: for each its number and when it was sent; nil for one that was never sent.
    mutating func given(bytes: Int) -> [(number: Int, sentAt: UInt64)?] {
        (0..<max(1, bytes / self.frameBytes)).map { _ in
            let number = self.given
            self.given += 1
            let sent = self.sent[number % self.sent.count]
            return sent.number == number ? (number, sent.at) : nil
        }
    }

    /// The model says so many bytes more.
    /// - Returns: how many frames they fill.
    mutating func says(bytes: Int, at now: UInt64) -> Int {
        let (frames, rest) = (self.rest + bytes).quotientAndRemainder(dividingBy: self.frameBytes)
        self.rest = rest
        self.say(frames, at: now)
        return frames
    }

    /// The model has said all of an item: the last frame is filled up, and a frame that marks the end follows.
    mutating func saidItem(at now: UInt64) -> Int {
        let frames = self.rest > 0 ? 2 : 1
        self.rest = 0
        self.say(frames, at: now)
        return frames
    }

    private mutating func say(_ frames: Int, at now: UInt64) {
        for _ in 0..<frames { self.said.append(now) }
        self.saidCount += frames
    }

    /// - Returns: when the model had given what that numbered frame holds; nil when it never did.
    mutating func saidAt(_ sequence: UInt64) -> UInt64? {
        let number = Int(clamping: sequence)
        // A frame before this one that has not come will never be asked for again.
        while self.firstSaid < number, self.said.popFirst() != nil { self.firstSaid += 1 }
        return number == self.firstSaid ? self.said.first : nil
    }
}
