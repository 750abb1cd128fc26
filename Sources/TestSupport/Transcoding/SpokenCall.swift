import Audio
package import CallEvents
import Crypto
package import NIOCore
import Speech

/// One call's audio as ingress and session produce it, frame by frame until it is finished; and, by the converters alone,
/// what audio-transcoder must make of it.
package struct SpokenCall: Sendable {
    /// The key of its records.
    package let callSid: String
    package private(set) var inbound = Source()
    package private(set) var outbound = Source()

    /// One direction.
    package struct Source: Sendable {
        /// Of what must come out, up to the last frame taken.
        package fileprivate(set) var expected = AudioDigest()
        fileprivate var epoch: UInt32 = 1
        fileprivate var sequence: UInt64 = 0
        /// Frames of this direction so far, whatever their epoch.
        fileprivate var index = 0
    }

    private let number: Int
    private let outboundPartition: Int32
    private var toModel = MulawToPCM24k()
    private var toPhone = PCM24kToMulaw()
    private var item = 0
    private var frameOfItem = 0

    /// - Parameters:
    ///   - number: makes the call unlike others: what is said when, and by whom.
    ///   - run: makes the callSid unlike that of the same call in another run.
    ///   - partitions: of the topics.
    package init(number: Int, run: UInt32, partitions: Int32) {
        let digits = String(number, radix: 16)
        let prefix = String(run, radix: 16)
        self.callSid = "CA" + prefix + String(repeating: "0", count: 32 - prefix.count - digits.count) + digits
        self.number = number
        self.outboundPartition = Int32(number) % partitions
    }

    /// What the person says next; at some time the phone comes back with a second stream.
    package mutating func nextInbound() -> AudioFrame {
        if self.inbound.index == 200 + 10 * self.number {
            self.inbound.epoch = 2
            self.inbound.sequence = 0
            self.toModel.reset()
        }
        let frame = AudioFrame(
            codec: .pcmu,
            payload: Self.frame(self.inbound.index + 37 * self.number, of: Self.business, bytes: 160),
            streamEpoch: self.inbound.epoch,
            sequence: self.inbound.sequence,
            outboundPartition: self.outboundPartition,
            receivedAtUs: 1_780_000_000_000_000 + Int64(self.inbound.index) * 20_000,
            timestampMs: UInt32(self.inbound.index) * 20
        )
        var converted = frame
        converted.codec = .pcm24k
        converted.payload = ByteBuffer()
        self.toModel.convert(frame.payload, into: &converted.payload)
        self.inbound.took(converted)
        return frame
    }

    /// What the agent says next: frames of one item after the other. Most end; every third is cut by the person, with a
    /// `clear`, which has no sequence number.
    package mutating func nextOutbound() -> AudioFrame {
        let text = Self.agent[(self.number + self.item) % Self.agent.count]
        let frames = text.readableBytes / 960
        let isCut = self.item % 3 == 2
        if self.frameOfItem == (isCut ? frames / 2 : frames) {
            return isCut ? self.cut() : self.control(.endOfItem)
        }
        var frame = self.outboundFrame()
        frame.payload = Self.frame(self.frameOfItem, of: text, bytes: 960)
        self.frameOfItem += 1
        var converted = frame
        converted.codec = .pcmu
        converted.payload = ByteBuffer()
        self.toPhone.convert(frame.payload, into: &converted.payload)
        self.outbound.took(converted)
        return frame
    }

    /// Ends the item, and the call.
    package mutating func finish() -> [AudioFrame] {
        [self.control(.endOfItem), self.control(.hangUp)]
    }

    private mutating func cut() -> AudioFrame {
        self.outbound.epoch += 1
        var clear = self.outboundFrame()
        clear.control = .clear
        clear.itemID = ""
        // Not numbered.
        clear.sequence = 0
        self.nextItem()
        self.outbound.expected.add(clear.passedOn)
        return clear
    }

    private mutating func control(_ control: AudioFrame.Control) -> AudioFrame {
        var frame = self.outboundFrame()
        frame.control = control
        self.nextItem()
        self.outbound.took(frame.passedOn)
        return frame
    }

    private mutating func nextItem() {
        self.item += 1
        self.frameOfItem = 0
        self.toPhone.reset()
    }

    private func outboundFrame() -> AudioFrame {
        AudioFrame(
            codec: .pcm24k,
            streamEpoch: 1,
            sequence: self.outbound.sequence,
            outboundPartition: self.outboundPartition,
            receivedAtUs: 1_780_000_000_000_000 + Int64(self.outbound.index) * 20_000,
            sessionEpoch: 7,
            playoutEpoch: self.outbound.epoch,
            itemID: "item_\(self.number)_\(self.item)"
        )
    }

    // MARK: - Recordings

    /// All that a business says, one sentence after the other; mu-law.
    private static let business = ByteBuffer(bytes: Speech.all.filter { $0.speaker == .business }.flatMap(\.mulaw))

    /// The agent's sentences, as a model would send them.
    private static let agent: [ByteBuffer] = Speech.all.filter { $0.speaker == .agent }.map { utterance in
        var converter = MulawToPCM24k()
        var pcm = ByteBuffer()
        converter.convert(ByteBuffer(bytes: utterance.mulaw), into: &pcm)
        return pcm
    }

    /// The frame with this index in a recording that is played again and again.
    private static func frame(_ index: Int, of recording: ByteBuffer, bytes: Int) -> ByteBuffer {
        let frames = recording.readableBytes / bytes
        return recording.getSlice(at: recording.readerIndex + index % frames * bytes, length: bytes)!
    }
}

/// A running digest of records, in order.
package struct AudioDigest: Sendable, Equatable, CustomStringConvertible {
    package private(set) var count = 0
    private var hash = SHA256()

    package init() {}

    /// - Parameter frame: as it stands in the record: all fields count, not only the payload.
    package mutating func add(_ frame: AudioFrame) {
        var value = ByteBuffer()
        frame.write(to: &value)
        self.add(value)
    }

    package mutating func add(_ value: ByteBuffer) {
        self.count += 1
        value.withUnsafeReadableBytes { self.hash.update(bufferPointer: $0) }
    }

    /// SHA-256, hexadecimal.
    package var text: String {
        self.hash.finalize().map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined()
    }

    package var description: String { "\(self.count) records, \(self.text.prefix(12))" }

    package static func == (left: Self, right: Self) -> Bool {
        left.count == right.count && left.hash.finalize() == right.hash.finalize()
    }
}

extension SpokenCall.Source {
    /// A numbered frame was made, of which this comes out.
    fileprivate mutating func took(_ converted: AudioFrame) {
        self.expected.add(converted)
        self.sequence += 1
        self.index += 1
    }
}

extension AudioFrame {
    /// What becomes of a control of the agent's: only the codec says that it is for the phone now.
    fileprivate var passedOn: AudioFrame {
        var frame = self
        frame.codec = .pcmu
        return frame
    }
}
