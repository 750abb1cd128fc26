import CallEvents
import FoundationEssentials
import Kafka
import Logging
import NIOCore
import OpenAIRealtime
import StageRuntime
import SwiftProtobuf

/// Where the stage writes: three producers, so that audio waits for no event and a clear for no audio.
final class SessionOutputs: Sendable {
    let events: KafkaProducer
    let audio: KafkaProducer
    let clears: KafkaProducer
    let metrics: SessionMetrics
    /// The topics' names, made once.
    private let eventsTopic: String
    private let liveTopic: String
    private let modelTopic: String
    private let phoneTopic: String

    init(
        events: KafkaProducer,
        audio: KafkaProducer,
        clears: KafkaProducer,
        topics: TopicNames,
        metrics: SessionMetrics
    ) {
        self.events = events
        self.audio = audio
        self.clears = clears
        self.metrics = metrics
        self.eventsTopic = topics[.events]
        self.liveTopic = topics[.live]
        self.modelTopic = topics[.audioOutboundModel]
        self.phoneTopic = topics[.audioOutboundPhone]
    }

    /// Writes `SessionClaimed`.
    /// - Returns: its offset: the session epoch.
    func claim(_ callSid: String, instance: String, source: String) async throws -> Int64 {
        let delivered = try await self.claim([callSid], instance: instance, source: source)
        return delivered[0]
    }

    /// Claims several calls of one partition at once.
    /// - Returns: their session epochs, in the same order.
    func claim(_ callSids: [String], instance: String, source: String) async throws -> [Int64] {
        let messages = try callSids.map { callSid in
            var event = CallEvent()
            event.eventID = "session-claimed/\(callSid)/\(UUID().uuidString)"
            event.callSid = callSid
            event.occurredAtUs = UnixTime.nowUs
            event.source = source
            event.sessionClaimed.instance = instance
            return try self.message(event)
        }
        return try await self.events.deliver(messages).map(\.offset)
    }

    /// Queues an event, waiting only while the queue is full; `failed` is told when it could not be delivered.
    func publish(_ event: CallEvent, failed: @escaping @Sendable (KafkaError) -> Void) async {
        do {
            let message = try self.message(event)
            let enqueued = try self.events.send(message) { result in
                if case .failure(let error) = result { failed(error) }
            }
            if enqueued == .queueFull { try await self.events.deliver([message]) }
        } catch let error as KafkaError {
            failed(error)
        } catch {
            failed(KafkaError(.closed, "\(type(of: error))"))
        }
    }

    /// Audio of the agent: to the transcoder, or straight to the phone's ingress.
    func play(_ frame: AudioFrame, key: ByteBuffer) {
        switch frame.codec {
        case .pcm24k: self.send(frame, to: self.modelTopic, partition: nil, key: key, by: self.audio)
        case .pcmu:
            let partition = frame.outboundPartition
            self.send(frame, to: self.phoneTopic, partition: partition, key: key, by: self.audio)
        }
    }

    /// A control that audio must not hold up: straight to the phone's ingress.
    func clear(_ frame: AudioFrame, key: ByteBuffer) {
        self.send(frame, to: self.phoneTopic, partition: frame.outboundPartition, key: key, by: self.clears)
    }

    /// A control that can wait a few milliseconds for those of other calls: straight to the phone's ingress.
    func tellPhone(_ frame: AudioFrame, key: ByteBuffer) {
        self.send(frame, to: self.phoneTopic, partition: frame.outboundPartition, key: key, by: self.audio)
    }

    func show(_ update: LiveUpdate, key: ByteBuffer) {
        // Only required fields can be missing, and proto3 has none.
        guard let value = try? update.serializedBytes() as [UInt8] else { return }
        let message = KafkaMessage(topic: self.liveTopic, key: key, value: ByteBuffer(bytes: value))
        // For eyes only: a full queue has better things to carry.
        _ = try? self.audio.send(message)
    }

    private func send(
        _ frame: AudioFrame,
        to topic: String,
        partition: Int32?,
        key: ByteBuffer,
        by producer: KafkaProducer
    ) {
        var value = ByteBuffer()
        frame.write(to: &value)
        let message = KafkaMessage(topic: topic, partition: partition, key: key, value: value)
        do {
            if try producer.send(message) == .queueFull { self.metrics.lost(.queueFull) }
        } catch {
            self.metrics.lost(.refused)
        }
    }

    private func message(_ event: CallEvent) throws -> KafkaMessage {
        let value: [UInt8] = try event.serializedBytes()
        return KafkaMessage(
            topic: self.eventsTopic,
            key: ByteBuffer(string: event.callSid),
            value: ByteBuffer(bytes: value)
        )
    }
}
