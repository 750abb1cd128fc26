import CallEvents
import CallRecorder
import NIOCore
import StageRuntime
import TwilioMedia
import TwilioSimulator

/// A phone at Twilio and the ingress that serves it, in steps of 20 ms: what the phone really played, and what the topics
/// hold of it.
struct PhoneLine {
    private struct Sent {
        var atTick: Int
        var step: PlayoutState.Step
    }

    private struct Heard {
        var atTick: Int
        var marks: [String]
        var timestampMs: UInt64
        var audio: ByteBuffer
    }

    static let frameMs = 20
    /// Records that are made of it lie on a broker with today's times.
    private let startUs = UnixTime.nowUs

    /// What the caller said and the phone played, 160 bytes for each step, of all streams and the time between.
    private(set) var caller: [UInt8] = []
    private(set) var agent: [UInt8] = []
    /// What the ingress wrote, and what was written for it.
    private(set) var inbound: [AudioFrame] = []
    private(set) var outbound: [AudioFrame] = []

    /// Steps that a message takes, each way.
    private let delay: Int
    private var tick = 0
    private(set) var streamEpoch: UInt32 = 0
    private var streamTick = 0
    private var buffer = PlayoutBuffer()
    private var phone = PhoneClock()
    private var playout = PlayoutState(streamEpoch: 0)
    private var toTwilio: [Sent] = []
    private var toIngress: [Heard] = []
    private var inboundSequence: UInt64 = 0
    private var sequence: UInt64 = 0
    var sessionEpoch: Int64 = 1
    var playoutEpoch: UInt32 = 0
    /// What the ingress of the stream reads.
    var outboundPartition: Int32 = 0

    init(delay: Int = 0) {
        self.delay = delay
        self.connect()
    }

    /// The next stream.
    mutating func connect() {
        self.streamEpoch += 1
        self.streamTick = self.tick
        self.buffer = PlayoutBuffer()
        self.phone = PhoneClock()
        self.playout = PlayoutState(streamEpoch: self.streamEpoch)
        self.toTwilio = []
        self.toIngress = []
        self.inboundSequence = 0
    }

    /// Time without a stream.
    mutating func isDown(forMs milliseconds: Int) {
        self.tick += milliseconds / Self.frameMs
        let silence = [UInt8](repeating: 0xff, count: milliseconds * 8)
        self.caller += silence
        self.agent += silence
    }

    /// The session sends audio, in one go.
    mutating func say(_ audio: [UInt8], item: String) {
        for start in stride(from: 0, to: audio.count, by: 160) {
            self.send(payload: Array(audio[start..<start + 160]), item: item)
        }
        self.send(control: .endOfItem, item: item)
    }

    mutating func clear() {
        self.playoutEpoch += 1
        self.offer(self.frame(control: .clear))
    }

    mutating func send(payload: [UInt8] = [], control: AudioFrame.Control = .none, item: String) {
        var frame = self.frame(control: control)
        frame.payload = ByteBuffer(bytes: payload)
        frame.itemID = item
        frame.sequence = self.sequence
        self.sequence += 1
        self.offer(frame)
    }

    private func frame(control: AudioFrame.Control) -> AudioFrame {
        AudioFrame(
            codec: .pcmu,
            streamEpoch: self.streamEpoch,
            outboundPartition: self.outboundPartition,
            sessionEpoch: self.sessionEpoch,
            playoutEpoch: self.playoutEpoch,
            control: control
        )
    }

    /// A record of `audio.outbound.phone` arrives.
    mutating func offer(_ frame: AudioFrame) {
        self.outbound.append(frame)
        let step = self.playout.received(frame, nowUs: self.phone.time(nowUs: self.nowUs))
        self.toTwilio.append(Sent(atTick: self.tick + self.delay, step: step))
    }

    private var nowUs: Int64 { self.startUs + Int64(self.tick * Self.frameMs) * 1_000 }

    /// Time passes.
    mutating func run(ms milliseconds: Int) {
        for _ in 0..<milliseconds / Self.frameMs { self.step() }
    }

    private mutating func step() {
        var marks = self.buffer.advance().map(\.name)
        while let sent = self.toTwilio.first, sent.atTick <= self.tick {
            self.toTwilio.removeFirst()
            if sent.step.clear { marks += self.buffer.clear().marks.map(\.name) }
            if let audio = sent.step.audio { _ = self.buffer.append(audio) }
            if let mark = sent.step.mark, self.buffer.append(mark: mark) { marks.append(mark) }
        }
        var played = ByteBuffer()
        self.buffer.take(160, into: &played)
        played.writeRepeatingByte(0xff, count: 160 - played.readableBytes)
        self.agent += played.readableBytesView
        let said = noise(seed: self.tick)
        self.caller += said
        self.toIngress.append(
            Heard(
                atTick: self.tick + self.delay,
                marks: marks,
                timestampMs: UInt64(62 + (self.tick - self.streamTick) * Self.frameMs),
                audio: ByteBuffer(bytes: said)
            )
        )
        self.tick += 1
        while let heard = self.toIngress.first, heard.atTick < self.tick { self.arrive(self.toIngress.removeFirst()) }
    }

    private mutating func arrive(_ heard: Heard) {
        for mark in heard.marks {
            _ = self.playout.acknowledged(mark: mark, nowUs: self.phone.time(nowUs: self.nowUs))
        }
        self.phone.heard(timestampMs: heard.timestampMs, nowUs: self.nowUs)
        self.inbound.append(
            AudioFrame(
                codec: .pcmu,
                payload: heard.audio,
                streamEpoch: self.streamEpoch,
                sequence: self.inboundSequence,
                outboundPartition: self.outboundPartition,
                receivedAtUs: self.nowUs,
                timestampMs: UInt32(heard.timestampMs),
                playout: self.playout.position(nowUs: self.phone.time(nowUs: self.nowUs))
            )
        )
        self.inboundSequence += 1
    }
}

/// 20 ms of something that is like nothing else.
func noise(seed: Int) -> [UInt8] {
    var state = UInt32(truncatingIfNeeded: seed &* 2_654_435_761 &+ 12_345)
    return (0..<160).map { _ in
        state = state &* 1_664_525 &+ 1_013_904_223
        // Never silence.
        return UInt8(state >> 24) & 0x3f
    }
}

/// So many milliseconds of it.
func speech(ms milliseconds: Int, seed: Int) -> [UInt8] {
    (0..<milliseconds / 20).flatMap { noise(seed: 1_000_000 + seed * 10_000 + $0) }
}

/// The recording of what is in the topics, and the most that was held of it.
struct Recorded {
    private(set) var caller: [UInt8] = []
    private(set) var agent: [UInt8] = []
    private(set) var mostHeldMs = 0
    private(set) var mixer = CallMixer()
    private(set) var axis = CallAxis()

    init(inbound: [AudioFrame], outbound: [AudioFrame]) {
        var outbound = outbound[...]
        for frame in inbound {
            for placed in self.axis.received(frame) { self.mix(placed, &outbound) }
        }
        for placed in self.axis.finish() { self.mix(placed, &outbound) }
        var blocks: [[UInt8]] = []
        self.mixer.finish { blocks.append($0) }
        for block in blocks { self.take(block) }
    }

    private mutating func mix(_ placed: CallAxis.Frame, _ outbound: inout ArraySlice<AudioFrame>) {
        self.mixer.received(placed)
        while self.mixer.lacksAudio, let next = outbound.first, next.streamEpoch <= placed.streamEpoch {
            self.mixer.received(agent: next)
            outbound.removeFirst()
        }
        var blocks: [[UInt8]] = []
        self.mixer.settle { blocks.append($0) }
        for block in blocks { self.take(block) }
        self.mostHeldMs = max(self.mostHeldMs, self.mixer.heldMs)
    }

    private mutating func take(_ block: [UInt8]) {
        for index in stride(from: 0, to: block.count, by: 2) {
            self.caller.append(block[index])
            self.agent.append(block[index + 1])
        }
    }
}
