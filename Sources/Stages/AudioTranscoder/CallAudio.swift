import Audio
import CallEvents
import NIOCore

/// One direction of one call: what was seen of it, and the filter.
struct CallAudio {
    enum Result {
        /// - Parameter predecessor: the offset of the frame that the conversion continued; nil when it began anew.
        case converted(ByteBuffer, predecessor: Int64?, missing: UInt64)
        case gated(Gated, missing: UInt64)
        case drop(TranscoderState.Drop)
    }

    /// What sounds as one: the filter begins anew when any of it changes.
    struct Run: Equatable {
        var streamEpoch: UInt32
        var sessionEpoch: Int64
        var playoutEpoch: UInt32
        var itemID: String

        init(_ frame: AudioFrame) {
            self.streamEpoch = frame.streamEpoch
            self.sessionEpoch = frame.sessionEpoch
            self.playoutEpoch = frame.playoutEpoch
            self.itemID = frame.itemID
        }
    }

    private let direction: Direction
    // One of the two, by direction.
    var toModel: MulawToPCM24k?
    private var toPhone: PCM24kToMulaw?
    var run: Run?
    /// Inbound only.
    var gate: SilenceGate?
    /// The newest stream (inbound) or session (outbound), and its last sequence number.
    private var newest: (epoch: Int64, sequence: UInt64)?

    private(set) var lastSeen: ContinuousClock.Instant
    /// The offset of the frame that the next one will continue.
    var neededNext: Int64?

    init(direction: Direction, lastSeen: ContinuousClock.Instant, silenceGate: SilenceGateSettings? = nil) {
        self.direction = direction
        self.lastSeen = lastSeen
        switch direction {
        case .inbound:
            self.toModel = MulawToPCM24k()
            self.gate = silenceGate.map { SilenceGate($0) }
        case .outbound: self.toPhone = PCM24kToMulaw()
        }
    }

    /// - Parameter frame: of the right codec and length.
    mutating func receive(_ frame: AudioFrame, offset: Int64, at now: ContinuousClock.Instant) -> Result {
        var missing: UInt64 = 0
        // What is not numbered is not waited for.
        if !frame.control.isUnnumbered {
            let epoch = self.direction == .inbound ? Int64(frame.streamEpoch) : frame.sessionEpoch
            if let newest = self.newest {
                if epoch < newest.epoch { return .drop(.stale) }
                if epoch == newest.epoch {
                    if frame.sequence <= newest.sequence { return .drop(.repeated) }
                    missing = frame.sequence - newest.sequence - 1
                }
            }
            self.newest = (epoch, frame.sequence)
        }
        self.lastSeen = now
        if self.gate != nil { return .gated(self.pass(frame, offset: offset), missing: missing) }
        var converted = frame
        converted.codec = self.direction.destinationCodec
        var predecessor: Int64?
        if frame.control == .none {
            predecessor = self.convert(frame, into: &converted.payload, offset: offset)
        } else if frame.control == .endOfItem || frame.control == .hangUp {
            // What follows is another item.
            self.run = nil
            self.neededNext = nil
        }
        var value = ByteBuffer()
        converted.write(to: &value)
        return .converted(value, predecessor: predecessor, missing: missing)
    }

    private mutating func convert(_ frame: AudioFrame, into payload: inout ByteBuffer, offset: Int64) -> Int64? {
        let run = Run(frame)
        let continues = run == self.run
        if !continues {
            self.toModel?.reset()
            self.toPhone?.reset()
            self.run = run
        }
        let predecessor = continues ? self.neededNext : nil
        self.neededNext = offset
        payload = ByteBuffer()
        self.toModel?.convert(frame.payload, into: &payload)
        self.toPhone?.convert(frame.payload, into: &payload)
        return predecessor
    }
}
