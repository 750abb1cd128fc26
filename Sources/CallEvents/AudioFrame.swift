package import NIOCore

/// 20 ms of one direction of one call, or an in-band control: the message `AudioFrame` of `Schemas/audio.proto`, which
/// says what each field means.
///
/// It is read and written without generated code because `bytes` fields cost a `Data` and a copy each way there, and
/// this message passes 200 times a second for each call; the record's bytes are the same.
package struct AudioFrame: Equatable, Sendable {
    package enum Codec: UInt8, Sendable {
        /// G.711 mu-law, 8 kHz: 160 bytes are 20 ms.
        case pcmu = 1
        /// Signed 16-bit little-endian PCM, 24 kHz: 960 bytes are 20 ms.
        case pcm24k = 2

        /// Bytes of 20 ms.
        package var frameBytes: Int {
            switch self {
            case .pcmu: 160
            case .pcm24k: 960
            }
        }
    }

    package enum Control: UInt8, Sendable {
        case none = 0
        case endOfItem = 1
        case hangUp = 2
        case clear = 3
        case alive = 4

        /// Overtakes the numbered frames, and has no number itself.
        package var isUnnumbered: Bool { self == .clear || self == .alive }
    }

    /// How far an item has been played to the phone.
    package struct Playout: Equatable, Sendable {
        package var itemID: String
        package var playedMs: UInt32

        package init(itemID: String, playedMs: UInt32) {
            self.itemID = itemID
            self.playedMs = playedMs
        }
    }

    package var codec: Codec
    package var payload: ByteBuffer
    package var streamEpoch: UInt32
    package var sequence: UInt64
    package var outboundPartition: Int32
    /// Unix microseconds.
    package var receivedAtUs: Int64
    package var timestampMs: UInt32
    package var playout: Playout?
    package var sessionEpoch: Int64
    package var playoutEpoch: UInt32
    package var itemID: String
    package var control: Control

    /// Stands for audio that the silence gate kept from the model: it only says how far the phone has played. There is
    /// none on passthrough, whose audio does not pass the gate.
    package var isWithheldSilence: Bool {
        self.payload.readableBytes == 0 && self.codec == .pcm24k && self.control == .none
    }

    /// The same with a payload of its own, for whoever keeps it: a record's payload shares the memory of everything that
    /// was consumed with it.
    package var unshared: AudioFrame {
        var frame = self
        frame.payload = self.payload.unshared
        return frame
    }

    package init(
        codec: Codec,
        payload: ByteBuffer = ByteBuffer(),
        streamEpoch: UInt32 = 0,
        sequence: UInt64 = 0,
        outboundPartition: Int32 = 0,
        receivedAtUs: Int64 = 0,
        timestampMs: UInt32 = 0,
        playout: Playout? = nil,
        sessionEpoch: Int64 = 0,
        playoutEpoch: UInt32 = 0,
        itemID: String = "",
        control: Control = .none
    ) {
        self.codec = codec
        self.payload = payload
        self.streamEpoch = streamEpoch
        self.sequence = sequence
        self.outboundPartition = outboundPartition
        self.receivedAtUs = receivedAtUs
        self.timestampMs = timestampMs
        self.playout = playout
        self.sessionEpoch = sessionEpoch
        self.playoutEpoch = playoutEpoch
        self.itemID = itemID
        self.control = control
    }
}

extension ByteBuffer {
    /// The same bytes in memory of their own, no larger than they need.
    package var unshared: ByteBuffer { ByteBuffer(bytes: self.readableBytesView) }
}
