import Audio
import CallEvents
import Foundation
import Kafka
import NIOCore

@testable import AudioTranscoder

/// Builders of records as ingress and session produce them.
enum Records {
    static let topics = TopicNames(prefix: "test.", partitions: 12)

    static func callSid(_ number: Int) -> String {
        let digits = String(number)
        return "CA" + String(repeating: "0", count: 32 - digits.count) + digits
    }

    static func record(
        _ frame: AudioFrame,
        _ direction: Direction,
        call: Int = 1,
        partition: Int32 = 3,
        offset: Int64
    ) -> KafkaRecord {
        var value = ByteBuffer()
        frame.write(to: &value)
        return self.record(value, direction, key: self.callSid(call), partition: partition, offset: offset)
    }

    static func record(
        _ value: ByteBuffer?,
        _ direction: Direction,
        key: String?,
        partition: Int32 = 3,
        offset: Int64
    ) -> KafkaRecord {
        KafkaRecord(
            topic: self.topics[direction.source],
            partition: partition,
            offset: offset,
            key: key.map { ByteBuffer(string: $0) },
            value: value
        )
    }

    static func inbound(stream: UInt32 = 1, _ sequence: UInt64, call: Int = 1) -> AudioFrame {
        AudioFrame(
            codec: .pcmu,
            payload: self.mulaw(sequence, call: call),
            streamEpoch: stream,
            sequence: sequence,
            outboundPartition: 5,
            receivedAtUs: 1_780_000_000_000_000 + Int64(sequence) * 20_000,
            timestampMs: UInt32(sequence) * 20,
            playout: .init(itemID: "item_a", playedMs: UInt32(sequence) * 20)
        )
    }

    static func outbound(
        session: Int64 = 7,
        playout: UInt32 = 0,
        item: String = "item_a",
        _ sequence: UInt64,
        call: Int = 1
    ) -> AudioFrame {
        AudioFrame(
            codec: .pcm24k,
            payload: self.pcm(sequence, call: call),
            streamEpoch: 1,
            sequence: sequence,
            outboundPartition: 5,
            receivedAtUs: 1_780_000_000_000_000 + Int64(sequence) * 20_000,
            sessionEpoch: session,
            playoutEpoch: playout,
            itemID: item
        )
    }

    static func control(
        _ control: AudioFrame.Control,
        session: Int64 = 7,
        item: String = "item_a",
        _ sequence: UInt64
    ) -> AudioFrame {
        AudioFrame(
            codec: .pcm24k,
            streamEpoch: 1,
            sequence: sequence,
            outboundPartition: 5,
            sessionEpoch: session,
            itemID: item,
            control: control
        )
    }

    /// 20 ms of a tone that differs from call to call and goes on from frame to frame.
    static func mulaw(_ sequence: UInt64, call: Int) -> ByteBuffer {
        ByteBuffer(bytes: self.tone(sequence, call: call, rate: 8_000).map(MuLaw.encode))
    }

    static func pcm(_ sequence: UInt64, call: Int) -> ByteBuffer {
        var buffer = ByteBuffer()
        for sample in self.tone(sequence, call: call, rate: 24_000) { buffer.writeInteger(sample, endianness: .little) }
        return buffer
    }

    private static func tone(_ sequence: UInt64, call: Int, rate: Int) -> [Int16] {
        (0..<rate / 50).map { index in
            let time = Double(Int(sequence) * rate / 50 + index) / Double(rate)
            return Int16(9_000 * sin(2 * .pi * Double(397 + 61 * call) * time))
        }
    }
}
