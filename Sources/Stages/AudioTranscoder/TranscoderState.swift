package import CallEvents
package import Kafka
import NIOCore

/// One partition of one direction: records in, converted records out, one for one and in order. Only the silence
/// gate, where there is one, keeps some back.
///
/// The value knows each call's filter, what of it was seen, and which offset is safe to store. It does no I/O and is
/// dropped when the partition goes to another member.
package struct TranscoderState: Sendable {
    /// Why a readable record has no output.
    package enum Drop: String, CaseIterable, Sendable {
        /// Its sequence number was seen.
        case repeated
        /// Its stream or session was replaced.
        case stale
        /// The codec is not what this direction carries.
        case codec
        /// The payload is not 20 ms, or a control has one.
        case length
        /// The partition to write to does not exist.
        case partition

        /// Repeats come with every restart and are nobody's fault.
        var isFault: Bool { self != .repeated }
    }

    package enum Outcome: Sendable, Equatable {
        /// To be sent now; `finished` follows when it was delivered. `missing` frames before it were never seen.
        case send(KafkaMessage, missing: UInt64)
        /// The same for what the silence gate lets through now.
        case gated(Gated)
        /// `isFirst` fault of its call in this direction, until there was none for a minute: worth a line in the log.
        case drop(Drop, isFirst: Bool)
        /// Belongs to the dead letters; `finished` follows when it is there. `isFirst` as of `drop`.
        case unreadable(reason: String, isFirst: Bool)
    }

    /// What a frame that passes the silence gate brings about: nothing while it waits there, several outputs when the
    /// gate opens.
    package struct Gated: Sendable, Equatable {
        package struct Output: Sendable, Equatable {
            /// Of the frame that this is the output of.
            package var offset: Int64
            package var message: KafkaMessage
        }

        /// To be sent now, in order; `finished` follows for each when it was delivered.
        package var outputs: [Output]
        /// This many frames before it were never seen.
        package var missing: UInt64
        /// Frames, of which some go on without their audio, that are kept from the model for their silence.
        package var silentFrames: Int
        package var change: SilenceGateChange?
    }

    /// How long after its last frame a call keeps its history.
    package static let memory = Duration.seconds(60)
    /// How long after its last frame a call keeps the offset back (`OffsetTracker`). Frames follow each other within
    /// milliseconds; behind a longer pause, only a restart during it would be heard, as a soft first 7 ms, or as the
    /// want of a pre-roll.
    package static let defaultHold = Duration.seconds(2)

    package let direction: Direction
    private let destination: String
    private let partitions: Int32
    private let hold: Duration
    private let silenceGate: SilenceGateSettings?
    private var calls: [ByteBuffer: CallAudio] = [:]
    private var faults = ReportedFaults()
    private var offsets = OffsetTracker()

    package init(
        direction: Direction,
        topics: TopicNames,
        hold: Duration = Self.defaultHold,
        silenceGate: SilenceGateSettings? = nil
    ) {
        self.direction = direction
        self.destination = topics[direction.destination]
        self.partitions = topics.partitions
        self.hold = hold
        self.silenceGate = silenceGate
    }

    /// Calls whose history is kept.
    package var callCount: Int { self.calls.count }

    /// No output is on its way.
    package var isFinished: Bool { self.offsets.isFinished }

    /// Takes the partition's next record.
    package mutating func receive(_ record: KafkaRecord, at now: ContinuousClock.Instant) -> Outcome {
        let key: ByteBuffer
        let frame: AudioFrame
        do throws(Unreadable) {
            (key, frame) = try self.read(record)
        } catch {
            self.offsets.received(record.offset)
            return .unreadable(reason: error.reason, isFirst: self.faults.note(self.callKey(of: record), at: now))
        }
        if let fault = self.fault(of: frame) {
            self.dropped(record.offset)
            return .drop(fault, isFirst: self.faults.note(key, at: now))
        }
        let call = self.index(of: key, at: now)
        switch self.calls.values[call].receive(frame, offset: record.offset, at: now) {
        case .drop(let reason):
            self.dropped(record.offset)
            return .drop(reason, isFirst: reason.isFault && self.faults.note(key, at: now))
        case .converted(let value, let predecessor, let missing):
            self.offsets.received(record.offset, needing: predecessor)
            let partition = self.direction == .outbound ? frame.outboundPartition : nil
            let message = KafkaMessage(topic: self.destination, partition: partition, key: key, value: value)
            return .send(message, missing: missing)
        case .gated(let gated, let missing):
            self.offsets.received(record.offset, needing: gated.needs)
            for offset in gated.finished { self.offsets.finished(offset) }
            let outputs = gated.outputs.map { output in
                let message = KafkaMessage(topic: self.destination, key: key, value: output.value)
                return Gated.Output(offset: output.offset, message: message)
            }
            return .gated(
                Gated(outputs: outputs, missing: missing, silentFrames: gated.silentFrames, change: gated.change)
            )
        }
    }

    /// The output of the record at `offset` was delivered, or given up.
    package mutating func finished(_ offset: Int64) {
        self.offsets.finished(offset)
    }

    /// Forgets calls that have ended, and says which offset to store; nil before the first record.
    package mutating func storableOffset(at now: ContinuousClock.Instant) -> Int64? {
        var held: Int64?
        var ended: [ByteBuffer] = []
        var index = self.calls.startIndex
        while index != self.calls.endIndex {
            let silence = self.calls.values[index].lastSeen.duration(to: now)
            if silence > Self.memory { ended.append(self.calls.keys[index]) }
            if silence > min(self.hold, Self.memory) {
                for offset in self.calls.values[index].letGo() { self.offsets.finished(offset) }
            }
            if let needed = self.calls.values[index].neededNext { held = min(held ?? needed, needed) }
            self.calls.formIndex(after: &index)
        }
        for key in ended { self.calls[key] = nil }
        self.faults.forget(before: now - Self.memory)
        return self.offsets.storable(holding: held)
    }

    private mutating func index(
        of key: ByteBuffer,
        at now: ContinuousClock.Instant
    ) -> Dictionary<ByteBuffer, CallAudio>.Index {
        if let known = self.calls.index(forKey: key) { return known }
        // A copy, because the record's key shares memory with the whole record.
        let own = ByteBuffer(bytes: key.readableBytesView)
        self.calls[own] = CallAudio(direction: self.direction, lastSeen: now, silenceGate: self.silenceGate)
        return self.calls.index(forKey: own)!
    }

    private mutating func dropped(_ offset: Int64) {
        self.offsets.received(offset)
        self.offsets.finished(offset)
    }

    private struct Unreadable: Error {
        var reason: String
    }

    private func read(_ record: KafkaRecord) throws(Unreadable) -> (key: ByteBuffer, frame: AudioFrame) {
        guard let value = record.value else { throw Unreadable(reason: "no value") }
        guard let key = self.callKey(of: record) else { throw Unreadable(reason: "the key is no call identifier") }
        do throws(AudioFrameError) {
            return (key, try AudioFrame(record: value))
        } catch {
            throw Unreadable(reason: "not an AudioFrame: \(error.code.rawValue)")
        }
    }

    /// - Returns: nil when it is no call identifier.
    private func callKey(of record: KafkaRecord) -> ByteBuffer? {
        record.key.flatMap { self.calls[$0] != nil || CallSid(String(buffer: $0)) != nil ? $0 : nil }
    }

    private func fault(of frame: AudioFrame) -> Drop? {
        if frame.codec != self.direction.sourceCodec { return .codec }
        let expected = frame.control == .none ? frame.codec.frameBytes : 0
        if frame.payload.readableBytes != expected { return .length }
        if self.direction == .outbound, !(0..<self.partitions).contains(frame.outboundPartition) { return .partition }
        return nil
    }
}
