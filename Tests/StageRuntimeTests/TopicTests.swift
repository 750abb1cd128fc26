import CallEvents
import Kafka
import NIOCore
import Testing

@testable import StageRuntime

struct TopicTests {
    @Test func `every topic is created with the deployment's prefix and partitions`() {
        let specifications = TopicCatalog.specifications(TopicNames(prefix: "x.", partitions: 3))
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
            TopicCatalog.specifications(names).first { $0.name == names[topic] }
        )
        #expect(specification.configuration["retention.ms"] == retention)
        #expect(specification.configuration["cleanup.policy"] == (topic == .state ? "compact" : nil))
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
