import CallEvents
import Foundation
import Kafka
import Logging
import NIOCore

/// Both ends of many calls: speaks as twilio-ingress and realtime-session produce, and hears as they consume.
///
/// A frame says which it is in fields that the transcoder copies: its time in the call, and when it was produced.
final class CallEnds: Sendable {
    /// Which side of the calls a frame comes from.
    enum Side: Sendable, CaseIterable {
        /// The caller, through twilio-ingress.
        case phone
        /// The agent, through realtime-session.
        case model

        var source: Topic { self == .phone ? .audioInboundPhone : .audioOutboundModel }
        var destination: Topic { self == .phone ? .audioInboundModel : .audioOutboundPhone }
        var codec: AudioFrame.Codec { self == .phone ? .pcmu : .pcm24k }
        var convertedCodec: AudioFrame.Codec { self == .phone ? .pcm24k : .pcmu }
        /// What is spoken within this is produced together, as by the stage that is played.
        var gathering: UInt64 { self == .phone ? 5_000_000 : 2_000_000 }
    }

    private let load: StreamLoad
    private let hasPauses: Bool
    private let run: UInt32
    private let topics: TopicNames
    private let producer: KafkaProducer
    private let listener: FrameListener
    private let keys: [ByteBuffer]
    private let streams: [ByteBuffer: Int]
    let fromPhone: FrameLedger
    let fromModel: FrameLedger

    /// - Parameter hasPauses: whether the agent speaks only half of the time, with ends of items.
    init(
        _ load: StreamLoad,
        hasPauses: Bool,
        topics: TopicNames,
        kafka: KafkaConfiguration,
        logger: Logger
    ) throws {
        let run = UInt32.random(in: 1 ..< .max)
        self.load = load
        self.hasPauses = hasPauses
        self.run = run
        self.topics = topics
        self.producer = try KafkaProducer(.audio, configuration: kafka, logger: logger)
        self.listener = FrameListener(
            Side.allCases.map { topics[$0.destination] },
            partitions: topics.partitions,
            producer: self.producer,
            kafka: kafka,
            logger: logger
        )
        // Calls of each run are others, so that nothing of an earlier one makes them stale.
        let keys = (0..<load.streams).map { ByteBuffer(string: load.callSid(Int(run) << 24 | $0)) }
        self.keys = keys
        self.streams = Dictionary(uniqueKeysWithValues: zip(keys, 0...))
        self.fromPhone = FrameLedger(load, run: run)
        self.fromModel = FrameLedger(load, run: run)
    }

    func ledger(_ side: Side) -> FrameLedger { side == .phone ? self.fromPhone : self.fromModel }

    /// Hears what arrives while `body` runs.
    func whileListening<Result>(_ body: () async throws -> Result) async throws -> Result {
        try await self.listener.whileListening({ self.heard($0, $1) }, body)
    }

    private func heard(_ frame: AudioFrame?, _ record: KafkaRecord) {
        let side: Side = record.topic == self.topics[.audioInboundModel] ? .phone : .model
        let ledger = self.ledger(side)
        guard let frame, let stream = record.key.flatMap({ self.streams[$0] }), frame.codec == side.convertedCodec,
            frame.payload.readableBytes == (frame.control == .none ? frame.codec.frameBytes : 0)
        else { return ledger.arrived(nil) }
        let number = Int(frame.timestampMs) / 20
        let sentAt = UInt64(clamping: frame.receivedAtUs) * 1_000
        ledger.arrived(FrameTag(run: self.run, stream: stream, number: number, sentAt: sentAt))
    }

    /// Produces every frame of one side when it is due, on a thread of its own.
    /// - Parameter start: of `Clock.nanoseconds`.
    /// - Returns: how late they were produced: what the machine could not do in time.
    func speak(_ side: Side, from start: UInt64) async throws -> Latencies {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try self.produce(side, from: start) })
            }
        }
    }

    private func produce(_ side: Side, from start: UInt64) throws -> Latencies {
        var lateness = Latencies()
        var sequences = Array(repeating: UInt64(0), count: self.load.streams)
        let voice = ByteBuffer(bytes: (0..<side.codec.frameBytes).map { UInt8(truncatingIfNeeded: $0 &* 40_503 >> 8) })
        let ledger = self.ledger(side)
        for index in 0..<self.load.frames * self.load.streams {
            let (number, stream) = index.quotientAndRemainder(dividingBy: self.load.streams)
            guard let control = self.control(side, stream, number) else { continue }
            let due = start + (StreamLoad.due(index, streams: self.load.streams) / side.gathering + 1) * side.gathering
            Clock.sleep(until: due)
            let now = Clock.nanoseconds
            if number >= self.load.firstMeasured { lateness.add(from: due, to: now) }
            let frame = AudioFrame(
                codec: side.codec,
                payload: control == .none ? voice : ByteBuffer(),
                streamEpoch: 1,
                sequence: sequences[stream],
                outboundPartition: Int32(stream % 2) % self.topics.partitions,
                receivedAtUs: Int64(now / 1_000),
                timestampMs: UInt32(number * 20),
                sessionEpoch: side == .model ? 1 : 0,
                itemID: side == .model ? self.load.item(stream, frame: number) : "",
                control: control
            )
            sequences[stream] += 1
            ledger.sent(of: stream)
            var value = ByteBuffer()
            frame.write(to: &value)
            _ = try self.producer.send(
                KafkaMessage(topic: self.topics[side.source], key: self.keys[stream], value: value)
            )
        }
        return lateness
    }

    /// - Returns: nil when nothing is said.
    private func control(_ side: Side, _ stream: Int, _ number: Int) -> AudioFrame.Control? {
        guard side == .model, self.hasPauses else { return AudioFrame.Control.none }
        return switch self.load.turn(stream, frame: number) {
        case .audio: AudioFrame.Control.none
        case .endOfItem: .endOfItem
        // The session's clear does not come this way.
        case .silence, .clear: nil
        }
    }
}
