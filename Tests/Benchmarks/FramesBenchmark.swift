import ArgumentParser
import CallEvents
import Foundation
import NIOCore
import SwiftProtobuf

/// `voice-bench frames`: our reader and writer of `AudioFrame` against generated code, both from and to the
/// `ByteBuffer` that the Kafka client gives and takes.
struct FramesBenchmark: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "frames",
        abstract: "AudioFrame as record bytes: ours against generated code."
    )

    @Option(help: "Rounds of 1,000 frames.") var rounds = 300

    func run() throws {
        let inbound = AudioFrame(
            codec: .pcmu,
            payload: ByteBuffer(repeating: 0x7e, count: 160),
            streamEpoch: 1,
            sequence: 4_321,
            outboundPartition: 7,
            receivedAtUs: 1_780_000_000_000_000,
            timestampMs: 86_420,
            playout: .init(itemID: "item_C9CJkwdRcQfdEpHBFmVNr", playedMs: 1_460)
        )
        let outbound = AudioFrame(
            codec: .pcm24k,
            payload: ByteBuffer(repeating: 0x7e, count: 960),
            streamEpoch: 1,
            sequence: 4_321,
            outboundPartition: 7,
            receivedAtUs: 1_780_000_000_000_000,
            sessionEpoch: 4_711,
            playoutEpoch: 2,
            itemID: "item_C9CJkwdRcQfdEpHBFmVNr"
        )
        for (name, frame) in [("inbound_pcmu", inbound), ("outbound_pcm24k", outbound)] {
            self.measure(name, frame)
        }
    }

    private func measure(_ name: String, _ frame: AudioFrame) {
        let operations = 1_000
        var bytes = ByteBuffer()
        frame.write(to: &bytes)
        var checksum: UInt64 = 0

        let ourWriting = Rounds(self.rounds, operations: operations) {
            for _ in 0..<operations {
                var output = ByteBuffer()
                frame.write(to: &output)
                checksum &+= UInt64(output.readableBytes)
            }
        }
        let generatedWriting = Rounds(self.rounds, operations: operations) {
            for _ in 0..<operations {
                guard let data: [UInt8] = try? Self.generated(frame).serializedBytes() else { return }
                var output = ByteBuffer()
                output.writeBytes(data)
                checksum &+= UInt64(output.readableBytes)
            }
        }
        let ourReading = Rounds(self.rounds, operations: operations) {
            for _ in 0..<operations {
                guard let frame = try? AudioFrame(record: bytes) else { return }
                checksum &+= frame.sequence &+ UInt64(frame.payload.readableBytes)
            }
        }
        let generatedReading = Rounds(self.rounds, operations: operations) {
            for _ in 0..<operations {
                let data = bytes.withUnsafeReadableBytes { Data($0) }
                guard let frame = try? ProtoAudioFrame(serializedBytes: data) else { return }
                let payload = ByteBuffer(bytes: frame.payload)
                checksum &+= frame.sequence &+ UInt64(payload.readableBytes)
            }
        }
        ourWriting.report("frames.\(name).write.ours")
        generatedWriting.report(
            "frames.\(name).write.generated",
            ["times_ours": generatedWriting.percentile(50) / ourWriting.percentile(50)]
        )
        ourReading.report("frames.\(name).read.ours")
        generatedReading.report(
            "frames.\(name).read.generated",
            ["times_ours": generatedReading.percentile(50) / ourReading.percentile(50)]
        )
        // Used, so that nothing measured can be left out.
        precondition(checksum > 0)
    }

    private static func generated(_ frame: AudioFrame) -> ProtoAudioFrame {
        var message = ProtoAudioFrame()
        message.codec = frame.codec == .pcmu ? .pcmu : .pcm24K
        message.payload = frame.payload.withUnsafeReadableBytes { Data($0) }
        message.streamEpoch = frame.streamEpoch
        message.sequence = frame.sequence
        message.outboundPartition = frame.outboundPartition
        message.receivedAtUs = frame.receivedAtUs
        message.timestampMs = frame.timestampMs
        if let playout = frame.playout {
            message.playout.itemID = playout.itemID
            message.playout.playedMs = playout.playedMs
        }
        message.sessionEpoch = frame.sessionEpoch
        message.playoutEpoch = frame.playoutEpoch
        message.itemID = frame.itemID
        return message
    }
}
