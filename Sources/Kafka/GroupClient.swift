import CRdKafka
import Logging
import Synchronization

/// The librdkafka client that is this process's member of its group, replaced where librdkafka fences itself.
///
/// A static member that has heard nothing from its broker for the session time-out joins again under a new member id.
/// When the broker comes back, what the client had still sent under the old id is answered with FENCED_INSTANCE_ID, as if
/// another process had taken the identity, and that is fatal to the client. It is then replaced, once in a while: two
/// processes that really share an identity must not fence each other in turns.
final class GroupClient: Sendable {
    /// How soon after a replacement a second one is taken for what it looks like: another process.
    private static let patience = Duration.seconds(60)

    private struct State {
        var handle: RdKafkaHandle
        var replacedAt: ContinuousClock.Instant?
    }

    private final class Flag: Sendable {
        let isSet = Atomic(false)
    }

    private let make: @Sendable () throws(KafkaError) -> RdKafkaHandle
    private let state: Mutex<State>
    private let sessionTimedOut: Flag

    /// - Parameter configure: sets callbacks on the `rd_kafka_conf_t` before a client is made.
    /// - Throws: `KafkaError` with code `configuration`.
    init(
        _ subscription: KafkaConsumer.Subscription,
        properties: [String: String],
        userProperties: [String: String],
        logger: Logger,
        configure: @escaping @Sendable (OpaquePointer) -> Void
    ) throws(KafkaError) {
        let metrics = ClientMetrics.consumer(subscription.group)
        let timedOut = Flag()
        self.sessionTimedOut = timedOut
        self.make = { () throws(KafkaError) in
            let handle = try RdKafkaHandle(
                RD_KAFKA_CONSUMER,
                properties: properties,
                userProperties: userProperties,
                events: ClientEvents(
                    logger: logger,
                    metrics: metrics,
                    sessionTimedOut: { timedOut.isSet.store(true, ordering: .releasing) }
                ),
                configure: configure
            )
            for topic in subscription.endWhenOutOfRange {
                try handle.topic(topic, property: "auto.offset.reset", value: "latest")
            }
            return handle
        }
        self.state = Mutex(State(handle: try self.make()))
    }

    var handle: RdKafkaHandle { self.state.withLock { $0.handle } }

    /// The member is in the group: whoever fences it now is another process.
    func joined() {
        self.sessionTimedOut.isSet.store(false, ordering: .releasing)
    }

    /// Whether the client's end is of its own making, and a new one may take its place.
    var mayBeReplaced: Bool {
        let state = self.state.withLock { ($0.handle.fatalError, $0.replacedAt) }
        guard let error = state.0, error.code == .fenced, self.sessionTimedOut.isSet.load(ordering: .acquiring) else {
            return false
        }
        return state.1.map { $0.duration(to: .now) > Self.patience } ?? true
    }

    /// - Throws: `KafkaError` with code `configuration`.
    func replace() throws(KafkaError) {
        let handle = try self.make()
        self.sessionTimedOut.isSet.store(false, ordering: .releasing)
        // The old one goes outside of the lock.
        let old = self.state.withLock { state in
            defer { state = State(handle: handle, replacedAt: .now) }
            return state.handle
        }
        _ = old
    }
}
