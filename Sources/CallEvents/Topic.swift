/// The topics of the system, without their prefix. README, "Topics", says what each carries and how long it is kept.
package enum Topic: String, CaseIterable, Sendable {
    case audioInboundPhone = "audio.inbound.phone"
    case audioInboundModel = "audio.inbound.model"
    case audioOutboundModel = "audio.outbound.model"
    case audioOutboundPhone = "audio.outbound.phone"
    case events = "events"
    case live = "live"
    case commands = "commands"
    case telephony = "telephony"
    case state = "state"
    case resultsQuotes = "results.quotes"
    case resultsAppointments = "results.appointments"
    case resultsOrders = "results.orders"
    case resultsOffers = "results.offers"
    case resultsComparisons = "results.comparisons"
    case resultsTranscripts = "results.transcripts"
    case resultsCalls = "results.calls"
    case requests = "requests"
    case deadLetters = "dead-letters"
}

/// The topic names of one deployment: `VOICE_TOPIC_PREFIX` and `VOICE_TOPIC_PARTITIONS`.
package struct TopicNames: Sendable, Equatable {
    /// Put before every topic name, such as `voice.`.
    package var prefix: String
    /// Partitions of every topic, 1–10,000; all have the same number, fixed while calls live.
    package var partitions: Int32

    package init(prefix: String = "voice.", partitions: Int32 = 12) {
        self.prefix = prefix
        self.partitions = partitions
    }

    package subscript(topic: Topic) -> String { self.prefix + topic.rawValue }

    /// The topic that `name` stands for, or nil when it is not ours.
    package func topic(named name: String) -> Topic? {
        guard name.hasPrefix(self.prefix) else { return nil }
        return Topic(rawValue: String(name.dropFirst(self.prefix.count)))
    }
}
