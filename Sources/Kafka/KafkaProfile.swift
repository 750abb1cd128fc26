/// The librdkafka properties of each kind of client: the only place that knows what a broker of each profile needs.
/// Order of precedence: what is set here, then `KafkaConfiguration.properties`.
enum KafkaProfile {
    enum Client {
        case producer(KafkaProducer.Kind, reportsDeliveries: Bool)
        case transactionalProducer(id: String)
        case consumer(KafkaConsumer.Subscription)
        case reader(readCommitted: Bool)
        case admin
    }

    static func properties(for client: Client, _ configuration: KafkaConfiguration) -> [String: String] {
        var properties = self.common(configuration)
        switch client {
        case .producer(let kind, let reportsDeliveries):
            properties.merge(self.producer(kind)) { $1 }
            if !reportsDeliveries { properties["delivery.report.only.error"] = "true" }
        case .transactionalProducer(let id):
            properties.merge(self.transactionalProducer(id)) { $1 }
        case .consumer(let subscription):
            properties.merge(self.reading(configuration, readCommitted: subscription.readCommitted)) { $1 }
            properties.merge(self.member(subscription, configuration)) { $1 }
            if let interval = subscription.gatheringInterval, configuration.profile == .kafka {
                properties["fetch.min.bytes"] = "65536"
                properties["fetch.wait.max.ms"] = "\(max(1, Int(interval / .milliseconds(1))))"
            }
        case .reader(let readCommitted):
            properties.merge(self.reading(configuration, readCommitted: readCommitted)) { $1 }
            properties["enable.partition.eof"] = "true"
        case .admin:
            break
        }
        return properties
    }

    private static func common(_ configuration: KafkaConfiguration) -> [String: String] {
        var properties = [
            "bootstrap.servers": configuration.bootstrapServers,
            "client.id": configuration.instanceID,
            "log.queue": "true",
            "statistics.interval.ms": "5000",
            "socket.nagle.disable": "true",
            // A broker that restarts is found again within a second.
            "reconnect.backoff.ms": "50",
            "reconnect.backoff.max.ms": "1000",
            "topic.metadata.refresh.fast.interval.ms": "100",
        ]
        if configuration.profile == .embedded {
            // The mock listens on 127.0.0.1 only; `localhost` may be ::1 first.
            properties["broker.address.family"] = "v4"
        }
        return properties
    }

    private static func producer(_ kind: KafkaProducer.Kind) -> [String: String] {
        switch kind {
        case .audio:
            [
                "partitioner": "murmur2_random",
                "acks": "1",
                "linger.ms": "0",
                // A request is one partition's, and a broker takes a connection's one by one. Where it is slower than
                // they come, records wait here, and more of them go in each; without a limit they queue there, one by
                // one, for ever (120 calls on a busy machine: p50 80 ms, with the limit 6–13 ms).
                "max.in.flight.requests.per.connection": "10",
                // A broker that restarts is away for about 10 s, and a turn spoken meanwhile is answered late, not lost:
                // 100 calls' frames of 15 s fit. Older frames are nobody's turn any more; they time out first.
                "queue.buffering.max.messages": "100000",
                "queue.buffering.max.kbytes": "65536",
                "message.timeout.ms": "15000",
            ]
        case .events:
            [
                "partitioner": "murmur2_random",
                "enable.idempotence": "true",
                "acks": "all",
                "linger.ms": "0",
                "queue.buffering.max.messages": "10000",
                "queue.buffering.max.kbytes": "65536",
                "retry.backoff.ms": "20",
                "message.timeout.ms": "120000",
            ]
        }
    }

    private static func transactionalProducer(_ id: String) -> [String: String] {
        [
            "partitioner": "murmur2_random",
            "transactional.id": id,
            "enable.idempotence": "true",
            "acks": "all",
            "linger.ms": "0",
            // Snapshots of calls are 12 KiB and much alike: this makes a sixteenth of them.
            "compression.type": "zstd",
            // A commit waits this long between its steps: 100 (the default) makes a transaction take 105 ms, 5 makes it 27.
            "retry.backoff.ms": "5",
            // An instance that dies in a transaction holds back `read_committed` readers no longer than this.
            "transaction.timeout.ms": "6000",
            "message.timeout.ms": "6000",
        ]
    }

    private static func reading(_ configuration: KafkaConfiguration, readCommitted: Bool) -> [String: String] {
        var properties = [
            "isolation.level": readCommitted ? "read_committed" : "read_uncommitted",
            "fetch.min.bytes": "1",
            "fetch.error.backoff.ms": "50",
            "queued.max.messages.kbytes": "16384",
        ]
        if configuration.profile == .embedded {
            // The mock answers a fetch only when this has passed, data or not; a real broker answers when data arrives.
            properties["fetch.wait.max.ms"] = "5"
        }
        return properties
    }

    private static func member(
        _ subscription: KafkaConsumer.Subscription,
        _ configuration: KafkaConfiguration
    ) -> [String: String] {
        var properties = [
            "group.id": subscription.group,
            "partition.assignment.strategy": "cooperative-sticky",
            "heartbeat.interval.ms": "500",
            "enable.auto.offset.store": "false",
            "enable.auto.commit": "true",
            "auto.commit.interval.ms": "1000",
            "auto.offset.reset": "earliest",
            "allow.auto.create.topics": "false",
        ]
        switch configuration.profile {
        case .kafka:
            properties["group.instance.id"] = configuration.instanceID
            // A default broker refuses less.
            properties["session.timeout.ms"] = "6000"
        case .embedded:
            // The mock does not understand static membership (a client that left as a static member was seen to abort),
            // rebalances after session.timeout.ms − 1 s, and never forms a group with less than 3 s.
            properties["session.timeout.ms"] = "4000"
            properties["allow.auto.create.topics"] = "true"
        }
        return properties
    }
}
