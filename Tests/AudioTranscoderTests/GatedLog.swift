import Audio
import CallEvents
import Kafka
import NIOCore
import SeededRandom
import Testing

@testable import AudioTranscoder

/// A partition of phones that speak and are silent at random, with frames that never came and streams that
/// are replaced.
struct GatedLog {
    struct Entry {
        var call: Int
        var frame: AudioFrame
        var isLoud: Bool
    }

    /// What a reader takes a record for.
    struct Identity: Hashable, Comparable {
        var call: Int
        var stream: UInt32
        var sequence: UInt64

        static func < (left: Self, right: Self) -> Bool {
            (left.call, left.stream, left.sequence) < (right.call, right.stream, right.sequence)
        }
    }

    /// What a reader has: the first record of each number, in the order in which they came.
    struct Reader: Equatable {
        private(set) var order: [Int: [Identity]] = [:]
        private(set) var values: [Identity: ByteBuffer] = [:]

        mutating func read(_ message: KafkaMessage) throws {
            let value = try #require(message.value)
            let frame = try AudioFrame(record: value)
            let call = try #require(Int(String(buffer: message.key).drop { !$0.isNumber }))
            let identity = Identity(call: call, stream: frame.streamEpoch, sequence: frame.sequence)
            guard self.values[identity] == nil else { return }
            self.values[identity] = value
            self.order[call, default: []].append(identity)
        }
    }

    var entries: [Entry]
    var records: [KafkaRecord]

    /// - Parameter calls: each begins a little later than the one before.
    init(seed: UInt64, calls: Int, steps: Int) {
        var random = SeededGenerator(seed: seed)
        var entries: [Entry] = []
        var speakers = (0..<calls).map { (stream: UInt32(1), sequence: UInt64(0), isLoud: $0.isMultiple(of: 2)) }
        for step in 0..<steps {
            for call in 0..<calls where step >= 7 * call {
                if Int.random(in: 0..<12, using: &random) == 0 { speakers[call].isLoud.toggle() }
                if Int.random(in: 0..<90, using: &random) == 0 {
                    speakers[call].stream += 1
                    speakers[call].sequence = 0
                }
                // Now and then some are missing.
                if Int.random(in: 0..<25, using: &random) == 0 {
                    speakers[call].sequence += UInt64.random(in: 1...9, using: &random)
                }
                let speaker = speakers[call]
                var frame = Records.inbound(stream: speaker.stream, speaker.sequence, call: call + 1)
                if !speaker.isLoud { frame.payload = Self.lineNoise(using: &random) }
                if step.isMultiple(of: 3) { frame.playout = nil }
                entries.append(Entry(call: call + 1, frame: frame, isLoud: speaker.isLoud))
                speakers[call].sequence += 1
            }
        }
        self.entries = entries
        self.records = entries.enumerated().map {
            Records.record($1.frame, .inbound, call: $1.call, offset: Int64($0))
        }
    }

    /// 20 ms of what a line gives when nobody speaks: the codes next to zero, −72 to −60 dBFS.
    static func lineNoise(using random: inout SeededGenerator) -> ByteBuffer {
        ByteBuffer(
            bytes: (0..<160).map { _ in
                UInt8.random(in: 0xfc...0xff, using: &random) & (Bool.random(using: &random) ? 0xff : 0x7f)
            }
        )
    }

    /// What a reader should have, from the rule alone: an open frame's bytes are those of a run without a gate.
    func expected(_ settings: SilenceGateSettings) throws -> Reader {
        var ungated = TranscoderState(direction: .inbound, topics: Records.topics)
        var reader = Reader()
        for (index, entry) in self.entries.enumerated() {
            guard case .send(var message, _) = ungated.receive(self.records[index], at: .now) else { continue }
            if !self.isOpen(index, settings) {
                let isDecided = self.entries[index...].contains { later in
                    later.call == entry.call
                        && (later.frame.streamEpoch != entry.frame.streamEpoch
                            || later.frame.sequence >= entry.frame.sequence + settings.preRoll)
                }
                guard isDecided, entry.frame.sequence.isMultiple(of: 5) else { continue }
                var frame = try AudioFrame(record: #require(message.value))
                frame.payload = ByteBuffer()
                var value = ByteBuffer()
                frame.write(to: &value)
                message.value = value
            }
            try reader.read(message)
        }
        return reader
    }

    func isOpen(_ index: Int, _ settings: SilenceGateSettings) -> Bool {
        let this = self.entries[index]
        let sequence = Int64(this.frame.sequence)
        return sequence == 0
            || self.entries.contains { other in
                guard other.isLoud, other.call == this.call, other.frame.streamEpoch == this.frame.streamEpoch else {
                    return false
                }
                let distance = Int64(other.frame.sequence) - sequence
                return distance >= -Int64(settings.hangOver) && distance <= Int64(settings.preRoll)
            }
    }

    /// Converts from `first` on, and is killed before `end`. The broker acknowledges the outputs of a record
    /// `lag` records later, the last first.
    /// - Returns: the offset stored at the end.
    func run(
        _ settings: SilenceGateSettings,
        from first: Int = 0,
        to end: Int? = nil,
        lag: Int = 0,
        losesUnacknowledged: Bool = false,
        into reader: inout Reader
    ) throws -> Int {
        var state = TranscoderState(direction: .inbound, topics: Records.topics, silenceGate: settings)
        var underWay: [(due: Int, output: TranscoderState.Gated.Output)] = []
        let end = end ?? self.records.count
        for offset in first..<end {
            if case .gated(let gated) = state.receive(self.records[offset], at: Self.time(offset)) {
                underWay += gated.outputs.map { (offset + lag, $0) }
            }
            let due = underWay.prefix { $0.due <= offset }.map(\.output)
            underWay.removeFirst(due.count)
            for output in due { try reader.read(output.message) }
            for output in due.reversed() { state.finished(output.offset) }
        }
        if !losesUnacknowledged {
            for (_, output) in underWay { try reader.read(output.message) }
        }
        return Int(state.storableOffset(at: Self.time(end)) ?? Int64(first))
    }

    private static let start = ContinuousClock.now

    static func time(_ offset: Int) -> ContinuousClock.Instant { self.start + .milliseconds(5 * offset) }
}
