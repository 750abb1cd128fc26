import CallEvents
import Kafka
import NIOCore
import Testing

@testable import StageRuntime

struct TopicTests {
    @Test func `every topic is created with the deployment's prefix and partitions`() {
        let specifications = TopicCatalog.specifications(TopicNames(prefix: "x.", partitions: 3), audio: .minutes)
        #expect(specifications.map(\.name) == Topic.allCases.map { "x." + $0.rawValue })
        #expect(specifications.allSatisfy { $0.partitions == 3 })
    }

    @Test(
        arguments: [
            (Topic.audioInboundPhone, "300000"), (.live, "300000"), (.commands, "21600000"), (.telephony, "21600000"),
            (.requests, "172800000"), (.events, "604800000"), (.resultsQuotes, "604800000"),
            (.deadLetters, "604800000"), (.state, nil),
        ] as [(Topic, String?)]
    )
    func `a topic keeps its records as long as the design says`(topic: Topic, retention: String?) throws {
        let names = TopicNames()
        let specification = try #require(
            TopicCatalog.specifications(names, audio: .minutes).first { $0.name == names[topic] }
        )
        #expect(specification.configuration["retention.ms"] == retention)
        #expect(specification.configuration["cleanup.policy"] == (topic == .state ? "compact" : nil))
    }

    @Test(
        arguments: [
            (Topic.audioInboundPhone, 36 * 3_600_000), (.audioInboundModel, 36 * 3_600_000),
            (.audioOutboundPhone, 36 * 3_600_000), (.audioOutboundModel, 300_000), (.live, 300_000),
        ] as [(Topic, Int)]
    )
    func `recording keeps what was said on the phone, and no more`(topic: Topic, retentionMs: Int) throws {
        var settings = Settings(environment: ["VOICE_RECORDING": "on", "VOICE_RECORDING_HOURS": "36"])
        let specifications = TopicCatalog.specifications(TopicNames(), audio: AudioRetention(&settings))
        #expect(settings.problems == [])
        let configuration = try #require(specifications.first { $0.name == TopicNames()[topic] }?.configuration)
        #expect(configuration["retention.ms"] == "\(retentionMs)")
        // A record is kept until its segment is closed and old: not much longer than it should be.
        #expect(configuration["segment.ms"] == "\(min(retentionMs, 3_600_000))")
    }

    @Test func `a topic that keeps audio shorter or longer than it should is named, with what to do`() throws {
        let names = TopicNames()
        let found = [
            names[.audioInboundPhone]: "300000", names[.audioInboundModel]: "86400000",
            names[.audioOutboundPhone]: "-1", names[.audioOutboundModel]: "1",
        ]
        let problems = TopicCatalog.retentionProblems(names, audio: .hours(24), found: found)
        #expect(problems.count == 2)
        #expect(problems.first?.contains("voice.audio.inbound.phone keeps audio shorter") == true)
        let settings = "retention.ms=86400000,segment.bytes=262144000,segment.ms=3600000"
        #expect(problems.first?.hasSuffix("--entity-name voice.audio.inbound.phone --add-config \(settings)") == true)
        #expect(problems.last?.contains("voice.audio.outbound.phone keeps audio longer") == true)
        // What the broker does not tell is no problem.
        #expect(TopicCatalog.retentionProblems(names, audio: .minutes, found: [:]) == [])
    }

    @Test func `a dead letter has the bytes, the key and where they came from`() {
        let record = KafkaRecord(
            topic: "voice.events",
            partition: 4,
            offset: 99,
            key: ByteBuffer(string: "CA1"),
            value: ByteBuffer(bytes: [0xff, 0x00]),
            headers: [KafkaHeader("x", nil)]
        )
        let message = DeadLetters.message(record, reason: "not a CallEvent", topic: "voice.dead-letters", stage: "sink")
        #expect(message.topic == "voice.dead-letters" && message.partition == nil)
        #expect(message.key == ByteBuffer(string: "CA1") && message.value == ByteBuffer(bytes: [0xff, 0x00]))
        #expect(
            message.headers == [
                KafkaHeader("reason", ByteBuffer(string: "not a CallEvent")),
                KafkaHeader("source.topic", ByteBuffer(string: "voice.events")),
                KafkaHeader("source.partition", ByteBuffer(string: "4")),
                KafkaHeader("source.offset", ByteBuffer(string: "99")),
                KafkaHeader("stage", ByteBuffer(string: "sink")),
            ]
        )
    }
}
