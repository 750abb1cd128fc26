import Testing

@testable import Kafka

@Suite struct GatheringConsumerTests {
    @Test(arguments: [
        (KafkaConfiguration.Profile.kafka, nil, "1", nil),
        (.kafka, Duration.milliseconds(3), "65536", "3"),
        // Smaller than what the protocol can say.
        (.kafka, .microseconds(10), "65536", "1"),
        // The embedded broker answers when its time has passed, in any case.
        (.embedded, .milliseconds(3), "1", "5"),
    ])
    func `only a consumer that gathers has the broker wait for more than a record`(
        profile: KafkaConfiguration.Profile,
        interval: Duration?,
        minimumBytes: String,
        wait: String?
    ) {
        let properties = KafkaProfile.properties(
            for: .consumer(.init(group: "g", topics: ["t"], gatheringEvery: interval)),
            .init(profile: profile, instanceID: "i")
        )
        #expect(properties["fetch.min.bytes"] == minimumBytes)
        #expect(properties["fetch.wait.max.ms"] == wait)
    }
}
