import ArgumentParser
import CallEvents
import NIOCore
import SeededRandom
import Synchronization
import TwilioIngress
import TwilioMedia
import WebSockets

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
    @Option(help: "Only the cases whose name begins so.") var only = ""
    @Flag(help: "Leave out the comparison, for profiles.") var alone = false

    func run() throws {
        let inbound = InboundLoad(frames: Self.frames)
        let outbound = OutboundLoad(frames: Self.frames)
        let cases: [(name: String, ours: () -> Int, codable: () -> Int)] = [
            ("media.in", { inbound.ours() }, { inbound.codable() }),
            ("media.mark_in", { inbound.oursOfMarks() }, { inbound.codableOfMarks() }),
            ("media.out", { outbound.ours() }, { outbound.codable() }),
        ]
        for (name, ours, codable) in cases where name.hasPrefix(self.only) {
            // Used, so that nothing measured can be left out.
            var bytes = 0
            let oursRounds = Rounds(self.rounds, operations: Self.frames) { bytes += ours() }
            oursRounds.report("\(name).ours")
            if self.alone { continue }
            let codableRounds = Rounds(self.rounds / 4, operations: Self.frames) { bytes += codable() }
            precondition(bytes > 0)
            codableRounds.report(
                "\(name).codable",
                ["times_ours": codableRounds.percentile(50) / oursRounds.percentile(50)]
            )
        }
    }
}

/// Caller audio while the agent has spoken: each frame is stamped with a playout position.
private struct InboundLoad {
    private let messages: [ByteBuffer]
    private let marks: [ByteBuffer]

    init(frames: Int) {
        var generator = SeededGenerator(seed: 7)
        self.messages = (0..<frames).map { index in
            let payload = ByteBuffer(bytes: (0..<160).map { _ in UInt8.random(in: 0...255, using: &generator) })
            return BenchCall.text(
                .media(.init(chunk: UInt64(index) + 1, timestampMs: 62 + 20 * UInt64(index), payload: payload))
            )
        }
        self.marks = (0..<frames).map { BenchCall.text(.mark(name: "0.\($0)")) }
    }

    /// - Parameter parse: with memory for the audio.
    func audio(_ parse: (ByteBuffer, inout ByteBuffer) -> MediaStreamEvent.Media?) -> Int {
        let bytes = Atomic(0)
        let stream = BenchCall.stream { value in
            bytes.add(value.readableBytes, ordering: .relaxed)
            return nil
        }
        for sequence in 0..<50 { BenchCall.offer(BenchCall.record(sequence: UInt64(sequence)), to: stream) }
        var audio = ByteBuffer()
        for text in self.messages {
            guard let media = parse(text, &audio) else { return 0 }
            stream.received(media, nowUs: 1_000_000)
        }
        return bytes.load(ordering: .relaxed)
    }

    func marks(_ parse: (ByteBuffer) -> String?) -> Int {
        let stream = BenchCall.stream()
        return self.marks.reduce(0) { total, text in
            guard let name = parse(text) else { return total }
            stream.acknowledged(mark: name, nowUs: 0)
            return total + name.utf8.count
        }
    }

    func ours() -> Int {
        self.audio { text, audio in
            guard case .media(let media)? = try? MediaStreamEvent(parsing: text, audio: &audio) else { return nil }
            return media
        }
    }

    func codable() -> Int { self.audio { text, _ in CodableMedia.decode(text) } }

    func oursOfMarks() -> Int {
        self.marks { text in
            guard case .mark(let name)? = try? MediaStreamEvent(parsing: text) else { return nil }
            return name
        }
    }

    func codableOfMarks() -> Int { self.marks { CodableMark.decode($0) } }
}

/// Agent audio as it lies on Kafka, on its way to the socket with a mark every 100 ms.
private struct OutboundLoad {
    private let records: [ByteBuffer]

    init(frames: Int) {
        self.records = (0..<frames).map { BenchCall.record(sequence: UInt64($0)) }
    }

    /// As the stage does it: what is ready goes out with one write.
    func ours() -> Int {
        let stream = BenchCall.stream()
        var batch = WebSocket.Batch(limit: 4_096)
        var bytes = 0
        for record in self.records {
            BenchCall.offer(record, to: stream)
            batch.removeAll()
            stream.fill(&batch)
            bytes += batch.frames.readableBytes
        }
        return bytes
    }

    func codable() -> Int {
        var queue = OutboundQueue(streamEpoch: 1)
        var batch = WebSocket.Batch(limit: 4_096)
        var bytes = 0
        for record in self.records {
            _ = try? queue.received(record: record, nowUs: 0)
            batch.removeAll()
            while let message = queue.next() { batch.append(text: CodableCommand.encode(message.command)) }
            bytes += batch.frames.readableBytes
        }
        return bytes
    }
}

/// The one call of these measurements.
enum BenchCall {
    static let streamSid = "MZ0123456789abcdef0123456789abcdef"
    private static let callSid = CallSid("CA0123456789abcdef0123456789abcdef")!
    private static let metrics = IngressMetrics()

    static func stream(
        link: MediaStream.Link = .init(),
        produce: @escaping @Sendable (ByteBuffer) -> IngressMetrics.InboundDrop? = { _ in nil }
    ) -> MediaStream {
        MediaStream(
            callSid: self.callSid,
            streamSid: self.streamSid,
            streamEpoch: 1,
            nowUs: 0,
            link: link,
            metrics: self.metrics,
            produce: produce
        )
    }

    static func offer(_ record: ByteBuffer, to stream: MediaStream) {
        guard (try? stream.offer(record: record, nowUs: 0)) == .queued else { preconditionFailure("not queued") }
    }

    static func text(_ event: MediaStreamEvent) -> ByteBuffer {
        var text = ByteBuffer()
        event.write(to: &text, streamSid: self.streamSid, sequenceNumber: 4_321)
        return text
    }

    static func record(
        sequence: UInt64,
        playoutEpoch: UInt32 = 2,
        control: AudioFrame.Control = .none
    ) -> ByteBuffer {
        var value = ByteBuffer()
        AudioFrame(
            codec: .pcmu,
            payload: control == .none
                ? ByteBuffer(repeating: UInt8(truncatingIfNeeded: sequence), count: 160) : ByteBuffer(),
            streamEpoch: 1,
            sequence: sequence,
            outboundPartition: 7,
            receivedAtUs: 1_780_000_000_000_000,
            sessionEpoch: 4_711,
            playoutEpoch: playoutEpoch,
            itemID: "item_C9CJkwdRcQfdEpHBFmVNr",
            control: control
        )
        .write(to: &value)
        return value
    }
}
