import CallEvents
import Kafka
import StageRuntime
import SwiftProtobuf
import Testing

@testable import CallRecorder

struct CallOutlineTests {
    private static func event(_ body: CallEvent.OneOf_Body, atUs: Int64 = 0) -> CallEvent {
        var event = CallEvent()
        event.occurredAtUs = atUs
        event.body = body
        return event
    }

    @Test(
        arguments: [
            (AudioPath.pcm24K, [Topic.audioInboundPhone]), (.passthrough, [.audioInboundModel]),
            (.unspecified, [.audioInboundPhone, .audioInboundModel]),
        ] as [(AudioPath, [Topic])]
    )
    func `the caller is looked for where the audio path has them`(path: AudioPath, topics: [Topic]) {
        var outline = CallOutline()
        outline.apply(Self.event(.requested(.with { $0.audioPath = path })))
        #expect(outline.isKnown && outline.callerTopics == topics)
    }

    @Test func `the call's time is from its first stream to its end`() {
        var outline = CallOutline()
        #expect(!outline.isKnown && outline.callerTopics.count == 2)
        outline.apply(Self.event(.streamStarted(StreamStarted()), atUs: 5))
        outline.apply(Self.event(.streamStarted(StreamStarted()), atUs: 9))
        outline.apply(Self.event(.statusChanged(.with { $0.status = "in-progress" }), atUs: 10))
        #expect(outline.endedAtUs == nil)
        outline.apply(Self.event(.statusChanged(.with { $0.status = "completed" }), atUs: 20))
        #expect(outline.firstStreamAtUs == 5 && outline.endedAtUs == 20)
    }

    @Test func `options win over the environment, and problems are told at once`() throws {
        let environment = ["KAFKA_BOOTSTRAP_SERVERS": "a:1", "VOICE_TOPIC_PREFIX": "x.", "KAFKA_CLIENT_RACK": "r"]
        let broker = try RecorderSettings.broker(
            environment: environment,
            options: ["KAFKA_BOOTSTRAP_SERVERS": "b:2", "VOICE_TOPIC_PARTITIONS": "3"]
        ).get()
        #expect(broker.kafka.bootstrapServers == "b:2" && broker.kafka.properties == ["client.rack": "r"])
        #expect(broker.topics.prefix == "x." && broker.topics.partitions == 3)
        #expect(throws: RecorderSettings.Problems.self) {
            try RecorderSettings.broker(
                environment: ["VOICE_KAFKA_PROFILE": "x"],
                options: ["VOICE_TOPIC_PARTITIONS": "0"]
            ).get()
        }
        #expect(RecorderSettings.help.contains("VOICE_TOPIC_PARTITIONS"))
    }

    @Test(
        arguments: [
            ("30m", .seconds(1_800)), ("6h", .seconds(21_600)), ("2d", .seconds(172_800)), ("0m", nil), ("h", nil),
            ("5", nil), ("-1h", nil), ("5256000d", nil), ("", nil),
        ] as [(String, Duration?)]
    )
    func `how far back is a number with a unit`(text: String, duration: Duration?) {
        #expect(RecorderSettings.duration(text) == duration)
    }
}
