import CallEvents
import Foundation
import Kafka
import Logging
import NIOCore
import TestSupport
import Testing

/// What audio-transcoder says, as a process, of frames that should not have come.
@Suite(.timeLimit(.minutes(3)))
struct TranscoderFaultTests {
    private static let faulty = "CA" + String(repeating: "f", count: 32)
    private static let neighbour = "CA" + String(repeating: "a", count: 32)

    @Test func `each fault is counted by its reason, the call is reported once, and the partition goes on`()
        async throws
    {
        // One partition, so that the calls are neighbours.
        let broker = try EmbeddedBroker(partitions: 1)
        let adminPort = try await FreePorts.take()
        let logFile = "/tmp/lifehub-voice-transcoder-\(adminPort).log"
        defer { try? FileManager.default.removeItem(atPath: logFile) }
        let program = Program(
            "audio-transcoder",
            environment: [
                "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrapServers, "VOICE_KAFKA_PROFILE": "embedded",
                "VOICE_TOPIC_PARTITIONS": "1", "VOICE_INSTANCE_ID": "audio-transcoder-1",
                "ADMIN_PORT": "\(adminPort)", "ADMIN_HOST": "127.0.0.1",
            ],
            logFile: logFile
        )
        let stage = StageProcess(program: program, adminPort: adminPort)
        try await stage.startAndWait()
        do {
            try await Self.produce(Self.messages(broker.topics), to: broker)
            try await eventually("all is consumed", timeout: .seconds(60), detail: program.logTail()) {
                let counts = try await Self.dropped(stage)
                let sent = try await stage.metric("voice_transcoder_frames_out_total")
                return counts == ["length": 40, "codec": 20, "stale": 20, "unreadable": 20] && sent == 22
            }
            try await program.stop()
        } catch {
            try? await program.kill()
            throw error
        }
        let lines = program.log().split(separator: "\n")
        #expect(lines.count { $0.contains("dropped") } == 1)
        #expect(lines.contains { $0.contains("dropped") && $0.contains(Self.faulty) })
        #expect(!lines.contains { $0.contains(Self.neighbour) })
    }

    /// Twenty times all faults of one call, and frames of both between them.
    private static func messages(_ topics: TopicNames) -> [KafkaMessage] {
        func message(_ call: String, _ sequence: UInt64, _ change: (inout AudioFrame) -> Void = { _ in })
            -> KafkaMessage
        {
            var frame = AudioFrame(
                codec: .pcmu,
                payload: ByteBuffer(repeating: 0xff, count: AudioFrame.Codec.pcmu.frameBytes),
                streamEpoch: 2,
                sequence: sequence
            )
            change(&frame)
            var value = ByteBuffer()
            frame.write(to: &value)
            return KafkaMessage(topic: topics[.audioInboundPhone], key: ByteBuffer(string: call), value: value)
        }
        var messages = [message(Self.faulty, 0)]
        for sequence: UInt64 in 0..<20 {
            var bytes = message(Self.faulty, 1)
            bytes.value = ByteBuffer(string: "no frame")
            messages += [
                message(Self.faulty, 1) { $0.payload = ByteBuffer(repeating: 0xff, count: 159) },
                message(Self.faulty, 1) { $0.control = .endOfItem },
                message(Self.faulty, 1) { $0.codec = .pcm24k },
                message(Self.faulty, 1) { $0.streamEpoch = 1 },
                bytes,
                message(Self.neighbour, sequence),
            ]
        }
        return messages + [message(Self.faulty, 1)]
    }

    private static func dropped(_ stage: StageProcess) async throws -> [String: Int] {
        var counts: [String: Int] = [:]
        for line in try await stage.get("/metrics").body.split(separator: "\n") {
            guard line.hasPrefix("voice_transcoder_frames_dropped_total{"),
                let reason = line.firstRange(of: #"reason=""#),
                let end = line[reason.upperBound...].firstIndex(of: "\""),
                let count = line.split(separator: " ").last.flatMap({ Int($0) }), count > 0
            else { continue }
            counts[String(line[reason.upperBound..<end]), default: 0] += count
        }
        return counts
    }

    private static func produce(_ messages: [KafkaMessage], to broker: EmbeddedBroker) async throws {
        let producer = try KafkaProducer(.events, configuration: broker.configuration(), logger: .quiet)
        let running = RunningServices([producer])
        try await producer.deliver(messages)
        try await running.stop()
    }
}
