import CallEvents
import Kafka
import NIOCore
import StageRuntime
import SwiftProtobuf

/// Writes this stage's call events and returns when the broker has them.
struct EventWriter: Sendable {
    private let producer: KafkaProducer
    private let topic: String
    private let source: String

    init(producer: KafkaProducer, topics: TopicNames, stage: String, instanceID: String) {
        self.producer = producer
        self.topic = topics[.events]
        self.source = "\(stage)/\(instanceID)"
    }

    /// - Parameter id: the same for the same fact, however often it is written.
    /// - Throws: `KafkaError` when the event could not be delivered.
    func write(_ body: CallEvent.OneOf_Body, id: String, callSid: CallSid) async throws {
        var event = CallEvent()
        event.eventID = id
        event.callSid = callSid.rawValue
        event.occurredAtUs = UnixTime.nowUs
        event.source = self.source
        event.body = body
        let value: [UInt8] = try event.serializedBytes()
        try await self.producer.deliver([
            KafkaMessage(
                topic: self.topic,
                key: ByteBuffer(string: callSid.rawValue),
                value: ByteBuffer(bytes: value)
            )
        ])
    }
}
