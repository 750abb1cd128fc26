import ArgumentParser
import CallEvents
import NIOCore
import SeededRandom
import Synchronization
import TwilioMedia

/// `voice-bench media`: what a 20 ms frame costs twilio-ingress between socket and Kafka, each way, and the same with a
/// reflection-based JSON coder in place of ours.
struct MediaBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "media",
        abstract: "Media Streams messages to and from AudioFrame bytes: ours against Codable."
    )

    /// Frames of one round: 20 s of audio.
    private static let frames = 1_000

    @Option(help: "Rounds of 1,000 frames.") var rounds = 200

    func run() throws {
        let inbound = InboundLoad(frames: Self.frames)
        let outbound = OutboundLoad(frames: Self.frames)
        let cases: [(name: String, ours: () -> Int, codable: () -> Int)] = [
            ("media.in", { inbound.ours() }, { inbound.codable() }),
            ("media.mark_in", { inbound.oursOfMarks() }, { inbound.codableOfMarks() }),
            ("media.out", { outbound.ours() }, { outbound.codable() }),
        ]
        for (name, ours, codable) in cases {
            // Used, so that nothing measured can be left out.
            var bytes = 0
            let oursRounds = Rounds(self.rounds, operations: Self.frames) { bytes += ours() }
            let codableRounds = Rounds(self.rounds / 4, operations: Self.frames) { bytes += codable() }
            precondition(bytes > 0)
            oursRounds.report("\(name).ours")
            codableRounds.report(
                "\(name).codable",
                ["times_ours": codableRounds.percentile(50) / oursRounds.percentile(50)]
            )
        }
    }
}

/// Caller audio while the agent has spoken: each frame is stamped with a playout position.
private final class InboundLoad {
    private let messages: [ByteBuffer]
    private let marks: [ByteBuffer]
    private let playout: Mutex<PlayoutState>

    init(frames: Int) {
        var generator = SeededGenerator(seed: 7)
        self.messages = (0..<frames).map { index in
            let payload = ByteBuffer(bytes: (0..<160).map { _ in UInt8.random(in: 0...255, using: &generator) })
            var text = ByteBuffer()
            MediaStreamEvent.media(
                .init(chunk: UInt64(index) + 1, timestampMs: 62 + 20 * UInt64(index), payload: payload)
            )
            .write(to: &text, streamSid: BenchCall.streamSid, sequenceNumber: UInt64(index) + 2)
            return text
        }
        var playout = PlayoutState(streamEpoch: 1)
        self.marks = (0..<frames).map { index in
            var text = ByteBuffer()
            MediaStreamEvent.mark(name: "0.\(index)")
                .write(to: &text, streamSid: BenchCall.streamSid, sequenceNumber: UInt64(index) + 2)
            return text
        }
        for sequence in 0..<50 {
            _ = playout.received(BenchCall.frame(sequence: UInt64(sequence)), nowUs: 0)
        }
        self.playout = Mutex(playout)
    }

    func ours() -> Int {
        var framing = InboundFraming()
        var bytes = 0
        for text in self.messages {
            guard case .media(let media)? = try? MediaStreamEvent(parsing: text) else { return 0 }
            bytes += self.produce(media, &framing)
        }
        return bytes
    }

    func codable() -> Int {
        var framing = InboundFraming()
        var bytes = 0
        for text in self.messages {
            guard let media = CodableMedia.decode(text) else { return 0 }
            bytes += self.produce(media, &framing)
        }
        return bytes
    }

    func oursOfMarks() -> Int {
        self.marks.reduce(0) { total, text in
            guard case .mark(let name)? = try? MediaStreamEvent(parsing: text) else { return total }
            return total + self.acknowledge(name)
        }
    }

    func codableOfMarks() -> Int {
        self.marks.reduce(0) { total, text in
            guard let name = CodableMark.decode(text) else { return total }
            return total + self.acknowledge(name)
        }
    }

    private func acknowledge(_ name: String) -> Int {
        _ = self.playout.withLock { $0.acknowledged(mark: name, nowUs: 0) }
        return name.utf8.count
    }

    private func produce(_ media: MediaStreamEvent.Media, _ framing: inout InboundFraming) -> Int {
        guard framing.received(media) != .repeated else { return 0 }
        let playout = self.playout.withLock { $0.position(nowUs: 1_000_000) }
        var bytes = 0
        while let frame = framing.next() {
            let record = AudioFrame(
                codec: .pcmu,
                payload: frame.payload,
                streamEpoch: 1,
                sequence: frame.sequence,
                outboundPartition: 7,
                receivedAtUs: 1_780_000_000_000_000,
                timestampMs: frame.timestampMs,
                playout: playout
            )
            var value = ByteBuffer()
            record.write(to: &value)
            bytes += value.readableBytes
        }
        return bytes
    }
}

/// Agent audio as it lies on Kafka, on its way to the socket with a mark every 100 ms.
private struct OutboundLoad {
    private let records: [ByteBuffer]

    init(frames: Int) {
        self.records = (0..<frames).map { sequence in
            var value = ByteBuffer()
            BenchCall.frame(sequence: UInt64(sequence)).write(to: &value)
            return value
        }
    }

    func ours() -> Int {
        let writer = MediaStreamWriter(streamSid: BenchCall.streamSid)
        return self.play { writer.message($0) }
    }

    func codable() -> Int {
        self.play { CodableCommand.encode($0) }
    }

    private func play(_ text: (MediaStreamCommand) -> ByteBuffer) -> Int {
        let playout = Mutex(PlayoutState(streamEpoch: 1))
        var bytes = 0
        for record in self.records {
            guard let frame = try? AudioFrame(record: record) else { return 0 }
            let step = playout.withLock { $0.received(frame, nowUs: 0) }
            if let audio = step.audio { bytes += text(.media(payload: audio)).readableBytes }
            if let mark = step.mark { bytes += text(.mark(name: mark)).readableBytes }
        }
        return bytes
    }
}

/// The one call of these measurements.
enum BenchCall {
    static let streamSid = "MZ0123456789abcdef0123456789abcdef"

    static func frame(sequence: UInt64) -> AudioFrame {
        AudioFrame(
            codec: .pcmu,
            payload: ByteBuffer(repeating: UInt8(truncatingIfNeeded: sequence), count: 160),
            streamEpoch: 1,
            sequence: sequence,
            outboundPartition: 7,
            receivedAtUs: 1_780_000_000_000_000,
            sessionEpoch: 4_711,
            playoutEpoch: 2,
            itemID: "item_C9CJkwdRcQfdEpHBFmVNr"
        )
    }
}
