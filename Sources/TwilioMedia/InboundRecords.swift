package import CallEvents
package import NIOCore

/// Makes a stream's caller audio the records of `audio.inbound.*`, each in the memory of the one before when nobody
/// holds that any longer.
///
/// Call `received` or `waited`, then `next` until it returns nil.
package struct InboundRecords: Sendable {
    package struct Record: Sendable {
        /// The bytes of an `AudioFrame`.
        package var value: ByteBuffer
        /// Silence made here.
        package var isFilling: Bool
    }

    private var framing: InboundFraming
    /// The one being made; what is the same in all stays.
    private var frame: AudioFrame
    private var value = ByteBuffer()

    /// - Parameter nowUs: Unix microseconds, here and below.
    package init(streamEpoch: UInt32, outboundPartition: Int32, nowUs: Int64) {
        self.framing = InboundFraming(nowUs: nowUs)
        self.frame = AudioFrame(codec: .pcmu, streamEpoch: streamEpoch, outboundPartition: outboundPartition)
    }

    package mutating func received(_ media: MediaStreamEvent.Media, nowUs: Int64) -> InboundFraming.Received {
        self.framing.received(media, nowUs: nowUs)
    }

    /// Makes the silence that is due by now, if nothing came for long.
    package mutating func waited(nowUs: Int64) {
        self.framing.waited(nowUs: nowUs)
    }

    /// - Parameter playout: how far the agent was heard by now.
    package mutating func next(playout: AudioFrame.Playout?, nowUs: Int64) -> Record? {
        guard let cut = self.framing.next() else { return nil }
        self.frame.payload = cut.payload
        self.frame.sequence = cut.sequence
        self.frame.receivedAtUs = nowUs
        self.frame.timestampMs = cut.timestampMs
        self.frame.playout = playout
        self.value.clear()
        self.frame.write(to: &self.value)
        // Nobody else must hold what the next message is decoded to.
        self.frame.payload = ByteBuffer()
        return Record(value: self.value, isFilling: cut.isFilling)
    }
}
