import CallEvents
import NIOCore

/// Many calls at once: who is who, and what is said when. Both ends compute it for themselves.
struct StreamLoad: Sendable {
    /// What the stage behind does in one 20 ms of a call.
    enum Turn: Sendable {
        case silence
        case audio
        case endOfItem
        /// The person interrupts.
        case clear
    }

    static let framesPerSecond = 50
    static let frameNanoseconds: UInt64 = 20_000_000
    /// The agent speaks for the first half of every cycle.
    private static let cycle = 200

    var streams: Int
    /// Measured; the warm-up comes before.
    var seconds: Int
    var warmUpSeconds = 3

    var frames: Int { (self.warmUpSeconds + self.seconds) * Self.framesPerSecond }
    var firstMeasured: Int { self.warmUpSeconds * Self.framesPerSecond }

    func callSid(_ stream: Int) -> String { "CA" + Self.hex(stream) }

    func streamSid(_ stream: Int) -> String { "MZ" + Self.hex(stream) }

    /// Streams are out of step with each other. Every other item is interrupted half a second after its end, when
    /// nothing of it can be on its way any more.
    func turn(_ stream: Int, frame: Int) -> Turn {
        let position = frame + stream * 37
        return switch position % Self.cycle {
        case ..<(Self.cycle / 2): .audio
        case Self.cycle / 2: .endOfItem
        case Self.cycle * 5 / 8: position / Self.cycle % 2 == 0 ? .clear : .silence
        default: .silence
        }
    }

    func item(_ stream: Int, frame: Int) -> String {
        "item_\((frame + stream * 37) / Self.cycle)"
    }

    /// When the `index`th frame of all streams in turn is due, in nanoseconds from the start: evenly spread.
    static func due(_ index: Int, streams: Int) -> UInt64 {
        UInt64(index) * self.frameNanoseconds / UInt64(streams)
    }

    private static func hex(_ number: Int) -> String {
        let digits = String(number, radix: 16)
        return String(repeating: "0", count: 32 - digits.count) + digits
    }
}

/// The first bytes of each frame's audio: which it is and when it was sent.
struct FrameTag: Sendable {
    static let bytes = AudioFrame.Codec.pcmu.frameBytes
    /// In place of a stream's number: that of the record's key.
    static let streamOfKey = Int(UInt32.max)

    /// Different in each run, so that nothing of an earlier one is counted.
    var run: UInt32
    var stream: Int
    var number: Int
    /// Of `Clock.nanoseconds`.
    var sentAt: UInt64

    /// Mu-law silence read as a tag.
    var isSilence: Bool { self.run == .max && self.sentAt == .max }

    var payload: ByteBuffer {
        var payload = ByteBuffer()
        payload.reserveCapacity(Self.bytes)
        payload.writeMultipleIntegers(self.run, UInt32(self.stream), UInt32(self.number), self.sentAt)
        payload.writeRepeatingByte(0x7e, count: Self.bytes - payload.readableBytes)
        return payload
    }
}

extension FrameTag {
    init?(_ payload: ByteBuffer) {
        var payload = payload
        guard payload.readableBytes == Self.bytes,
            let (run, stream, number, sentAt) = payload.readMultipleIntegers(
                as: (UInt32, UInt32, UInt32, UInt64).self
            )
        else { return nil }
        self.init(run: run, stream: Int(stream), number: Int(number), sentAt: sentAt)
    }
}
