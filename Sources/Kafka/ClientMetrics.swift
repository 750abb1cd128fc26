import Metrics

/// The metrics of one client, made once. `client` is from a closed set: the kind of producer, or the group.
struct ClientMetrics: Sendable {
    private let queueDepth: Gauge?
    private let consumerLag: Gauge?
    private let deliveryFailures: Counter?
    private let refused: Counter?

    static func producer(_ client: String) -> ClientMetrics {
        let dimensions = [("client", client)]
        return ClientMetrics(
            queueDepth: Gauge(label: "voice_kafka_producer_queue_records", dimensions: dimensions),
            consumerLag: nil,
            deliveryFailures: Counter(label: "voice_kafka_delivery_failures_total", dimensions: dimensions),
            refused: Counter(label: "voice_kafka_producer_refused_total", dimensions: dimensions)
        )
    }

    static func consumer(_ group: String) -> ClientMetrics {
        ClientMetrics(
            queueDepth: nil,
            consumerLag: Gauge(label: "voice_kafka_consumer_lag_records", dimensions: [("group", group)]),
            deliveryFailures: nil,
            refused: nil
        )
    }

    static let none = ClientMetrics(queueDepth: nil, consumerLag: nil, deliveryFailures: nil, refused: nil)

    func record(_ statistics: ClientStatistics) {
        self.queueDepth?.record(statistics.queuedMessages)
        self.consumerLag?.record(statistics.consumerLag)
    }

    func countDeliveryFailures(_ count: Int) {
        self.deliveryFailures?.increment(by: count)
    }

    /// A record was refused because the queue is full.
    func countRefused() {
        self.refused?.increment()
    }
}
