import CRdKafka
import Glibc
package import Logging

/// The mock cluster that librdkafka ships: the Kafka protocol on loopback, in memory. For trying out and for tests;
/// what it cannot do is in DESIGN section 10 and in `KafkaProfile`.
///
/// `@unchecked Sendable`: the mock cluster's functions may be called from any thread; the pointers are set once.
package final class EmbeddedCluster: @unchecked Sendable {
    /// Requests whose errors can be injected, by their number in the Kafka protocol.
    package enum Request: Int16, Sendable {
        case produce = 0
        case fetch = 1
        case listOffsets = 2
        case metadata = 3
        case offsetCommit = 8
        case offsetFetch = 9
        case findCoordinator = 10
        case joinGroup = 11
        case heartbeat = 12
        case syncGroup = 14
        case initProducerID = 22
        case addPartitionsToTransaction = 24
        case addOffsetsToTransaction = 25
        case endTransaction = 26
        case transactionOffsetCommit = 28
    }

    /// Error codes of the Kafka protocol (and -195: the connection is closed).
    package enum Failure: Int32, Sendable {
        case disconnect = -195
        case offsetOutOfRange = 1
        case unknownTopicOrPartition = 3
        case notLeader = 6
        case requestTimedOut = 7
        case messageTooLarge = 10
        case coordinatorLoading = 14
        case illegalGeneration = 22
        case unknownMember = 25
        case topicAuthorizationFailed = 29
        case invalidProducerEpoch = 47
        case fencedInstance = 82
        case producerFenced = 90
    }

    private let handle: RdKafkaHandle
    private let cluster: OpaquePointer

    /// `host:port` of each broker, comma separated.
    package let bootstrapServers: String

    /// - Throws: `KafkaError` with code `configuration`.
    package init(brokers: Int32 = 1, logger: Logger) throws {
        self.handle = try RdKafkaHandle(
            RD_KAFKA_PRODUCER,
            properties: ["log.queue": "true", "client.id": "embedded"],
            userProperties: [:],
            events: ClientEvents(logger: logger, metrics: .none)
        )
        guard let cluster = rd_kafka_mock_cluster_new(self.handle.pointer, brokers),
            let bootstraps = rd_kafka_mock_cluster_bootstraps(cluster)
        else { throw KafkaError(.configuration, "librdkafka could not start its mock cluster") }
        self.cluster = cluster
        self.bootstrapServers = String(cString: bootstraps)
    }

    deinit {
        rd_kafka_mock_cluster_destroy(self.cluster)
    }

    /// - Throws: `KafkaError` when the topic exists.
    package func createTopic(_ name: String, partitions: Int32) throws {
        // The mock's thread loses the wake-up of a request that follows at the heels of another (it empties its pipe
        // after it has served its queue), and then sleeps for a second: it is given time to get to its poll.
        usleep(200)
        let code = rd_kafka_mock_topic_create(self.cluster, name, partitions, 1)
        if code != RD_KAFKA_RESP_ERR_NO_ERROR { throw KafkaError(code, "topic \(name)") }
    }

    /// The next requests of this kind fail, one for each element.
    package func fail(_ request: Request, with failures: [Failure]) {
        let codes = failures.map { rd_kafka_resp_err_t($0.rawValue) }
        rd_kafka_mock_push_request_errors_array(self.cluster, request.rawValue, codes.count, codes)
    }

    /// What was injected for this kind of request and not used yet is forgotten.
    package func clearFailures(of request: Request) {
        rd_kafka_mock_clear_request_errors(self.cluster, request.rawValue)
    }

    /// Every answer takes this much longer.
    package func delayAnswers(by delay: Duration) {
        let milliseconds = delay.components.seconds * 1_000 + delay.components.attoseconds / 1_000_000_000_000_000
        rd_kafka_mock_broker_set_rtt(self.cluster, -1, Int32(clamping: milliseconds))
    }

    /// All brokers close their connections and refuse new ones, or take them again.
    package func setReachable(_ isReachable: Bool) {
        if isReachable {
            rd_kafka_mock_broker_set_up(self.cluster, -1)
        } else {
            rd_kafka_mock_broker_set_down(self.cluster, -1)
        }
    }
}
