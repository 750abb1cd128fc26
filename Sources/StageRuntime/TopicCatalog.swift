package import CallEvents
package import Kafka

/// How each topic is created when it does not exist yet. An operator may create them otherwise; only the number of
/// partitions is checked.
package enum TopicCatalog {
    private static let minute = 60_000
    private static let hour = 60 * minute

    package static func specifications(_ names: TopicNames) -> [KafkaAdmin.TopicSpecification] {
        Topic.allCases.map { topic in
            KafkaAdmin.TopicSpecification(
                name: names[topic],
                partitions: names.partitions,
                configuration: self.configuration(of: topic)
            )
        }
    }

    private static func configuration(of topic: Topic) -> [String: String] {
        switch topic {
        case .audioInboundPhone, .audioInboundModel, .audioOutboundModel, .audioOutboundPhone, .live:
            // Retention only removes closed segments: without small ones each partition would keep 1 GiB.
            [
                "retention.ms": "\(5 * self.minute)",
                "segment.ms": "\(10 * self.minute)",
                "segment.bytes": "\(50 << 20)",
            ]
        case .commands, .telephony:
            ["retention.ms": "\(6 * self.hour)"]
        case .requests:
            ["retention.ms": "\(48 * self.hour)"]
        case .events, .deadLetters, .resultsQuotes, .resultsAppointments, .resultsOrders, .resultsOffers,
            .resultsComparisons, .resultsTranscripts, .resultsCalls:
            ["retention.ms": "\(7 * 24 * self.hour)"]
        case .state:
            ["cleanup.policy": "compact"]
        }
    }
}
