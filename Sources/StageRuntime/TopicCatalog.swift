package import CallEvents
package import Kafka

/// How each topic is created when it does not exist yet. An operator may create them otherwise; only the number of
/// partitions is checked.
package enum TopicCatalog {
    private static let minute = 60_000
    private static let hour = 60 * minute

    /// The topics that hold what is said on the phone, on both audio paths. What the model made is not among them: it is
    /// in `audio.outbound.phone` too.
    static let recordedTopics: Set<Topic> = [.audioInboundPhone, .audioInboundModel, .audioOutboundPhone]

    package static func specifications(
        _ names: TopicNames,
        audio: AudioRetention
    ) -> [KafkaAdmin.TopicSpecification] {
        Topic.allCases.map { topic in
            KafkaAdmin.TopicSpecification(
                name: names[topic],
                partitions: names.partitions,
                configuration: self.configuration(of: topic, audio: audio)
            )
        }
    }

    /// What is wrong with how long the topics keep audio, which an operator or another deployment may have set.
    /// - Parameter found: `retention.ms` of topics, by name, as the broker has it.
    static func retentionProblems(
        _ names: TopicNames,
        audio: AudioRetention,
        found: [String: String]
    ) -> [String] {
        Topic.allCases.filter(self.recordedTopics.contains).map { names[$0] }
            .compactMap { name in
                guard let text = found[name], let milliseconds = Int(text), milliseconds != audio.milliseconds else {
                    return nil
                }
                let isShort = milliseconds >= 0 && milliseconds < audio.milliseconds
                let wanted = self.audio(keptMs: audio.milliseconds).sorted { $0.key < $1.key }
                    .map { "\($0.key)=\($0.value)" }
                return """
                    \(name) keeps audio \(isShort ? "shorter" : "longer") than VOICE_RECORDING says: retention.ms is \
                    \(text), not \(audio.milliseconds); change it with kafka-configs.sh --alter --entity-type topics \
                    --entity-name \(name) --add-config \(wanted.joined(separator: ","))
                    """
            }
    }

    private static func configuration(of topic: Topic, audio: AudioRetention) -> [String: String] {
        switch topic {
        case _ where self.recordedTopics.contains(topic): self.audio(keptMs: audio.milliseconds)
        case .audioInboundPhone, .audioInboundModel, .audioOutboundModel, .audioOutboundPhone, .live:
            self.audio(keptMs: AudioRetention.minutes.milliseconds)
        case .commands, .telephony:
            ["retention.ms": "\(6 * self.hour)"]
        case .requests:
            ["retention.ms": "\(48 * self.hour)"]
        case .events, .deadLetters, .resultsQuotes, .resultsAppointments, .resultsOrders, .resultsOffers,
            .resultsComparisons, .resultsTranscripts, .resultsCalls:
            ["retention.ms": "\(7 * 24 * self.hour)"]
        case .state:
            // Whoever takes a partition over reads all of it. Only closed segments are compacted, and with Kafka's own
            // limits (1 GiB, half of it superseded) that would be gigabytes of snapshots that no longer count.
            ["cleanup.policy": "compact", "segment.bytes": "\(1 << 20)", "min.cleanable.dirty.ratio": "0.1"]
        }
    }

    /// Retention removes whole segments, when their newest record is old enough. A segment is closed when it is as old
    /// as records are to be kept, an hour at most, or full: with Kafka's own limits (a week, 1 GiB) it would be kept for days.
    private static func audio(keptMs: Int) -> [String: String] {
        [
            "retention.ms": "\(keptMs)",
            "segment.ms": "\(min(keptMs, self.hour))",
            "segment.bytes": "\((keptMs <= self.hour ? 50 : 250) << 20)",
        ]
    }
}
