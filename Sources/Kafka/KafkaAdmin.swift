import CRdKafka
package import Logging
import Synchronization

/// Topics at start.
package struct KafkaAdmin: Sendable {
    package struct TopicSpecification: Sendable {
        package var name: String
        package var partitions: Int32
        /// Topic configuration such as `retention.ms` and `cleanup.policy`.
        package var configuration: [String: String]

        package init(name: String, partitions: Int32, configuration: [String: String] = [:]) {
            self.name = name
            self.partitions = partitions
            self.configuration = configuration
        }
    }

    private let configuration: KafkaConfiguration
    private let logger: Logger
    private let client = SharedClient()

    package init(configuration: KafkaConfiguration, logger: Logger) {
        self.configuration = configuration
        self.logger = logger
    }

    /// Creates the topics that are missing (a broker that does not let us is tolerated when they exist), waits until
    /// all are known, and checks their partition counts. What may pass, such as stale metadata, is asked again.
    /// - Throws: `KafkaError` with code `topics` that names each topic with its count and the count expected, or
    ///   `timedOut`.
    package func ensure(_ topics: [TopicSpecification], timeout: Duration) async throws {
        let client = try self.topicClient()
        let deadline = ContinuousClock.now + timeout
        var missing = topics
        var refusals: [String: String] = [:]
        var lastProblem = ""
        while true {
            do {
                let known = try await client.partitionCounts(of: missing.map(\.name))
                try Self.check(topics, against: known)
                missing.removeAll { known[$0.name] != nil }
                if missing.isEmpty { return }
                let fresh = missing.filter { refusals[$0.name] == nil }
                if !fresh.isEmpty { refusals.merge(try await client.create(fresh)) { $1 } }
                lastProblem = missing.map { "\($0.name): \(refusals[$0.name] ?? "not known yet")" }
                    .joined(separator: "; ")
            } catch let error as KafkaError where error.mayPass {
                lastProblem = error.message
                self.logger.debug("topics not known yet", metadata: ["error": "\(error.message)"])
            }
            if ContinuousClock.now >= deadline {
                let isOurs = !missing.isEmpty && missing.allSatisfy { refusals[$0.name]?.isEmpty == false }
                throw KafkaError(isOurs ? .topics : .timedOut, "topics are missing: \(lastProblem)")
            }
            try await Task.sleep(for: .milliseconds(100))
        }
    }

    /// The offset behind the last record of a partition, and that of its first.
    package func watermarks(of partition: KafkaTopicPartition, timeout: Duration) async throws -> Range<Int64> {
        try await self.asking(timeout) { client throws(KafkaError) in try await client.watermarks(of: partition) }
    }

    /// Where a reader begins that wants what is not older than `ms`, Unix milliseconds: no record behind is older, by
    /// the times of the records. On the embedded broker, which knows no times, the partition's beginning.
    package func offset(of partition: KafkaTopicPartition, atMs ms: Int64, timeout: Duration) async throws -> Int64 {
        let offset = try await self.asking(timeout) { client throws(KafkaError) in
            try await client.offset(of: partition, atMs: ms)
        }
        // Nothing is that young.
        if offset < 0 { return try await self.watermarks(of: partition, timeout: timeout).upperBound }
        return offset
    }

    /// One property of each of the topics, as the broker has it now; those that it does not tell are left out, and all
    /// of them on the embedded broker.
    package func property(_ name: String, of topics: [String], timeout: Duration) async throws -> [String: String] {
        try await self.asking(timeout) { client throws(KafkaError) in
            try await client.property(name, of: topics)
        }
    }

    private func asking<Value>(
        _ timeout: Duration,
        _ question: (TopicClient) async throws(KafkaError) -> Value
    ) async throws -> Value {
        let client = try self.topicClient()
        let deadline = ContinuousClock.now + timeout
        while true {
            do {
                return try await question(client)
            } catch {
                guard error.mayPass, ContinuousClock.now < deadline else { throw error }
                self.logger.debug("not known yet", metadata: ["error": "\(error.message)"])
            }
            try await Task.sleep(for: .milliseconds(50))
        }
    }

    private static func check(_ topics: [TopicSpecification], against known: [String: Int32]) throws {
        let wrong = topics.compactMap { topic -> String? in
            guard let count = known[topic.name], count != topic.partitions else { return nil }
            return "\(topic.name) has \(count) partitions, expected \(topic.partitions)"
        }
        if !wrong.isEmpty { throw KafkaError(.topics, wrong.joined(separator: "; ")) }
    }

    private func topicClient() throws -> TopicClient {
        try self.client.value.withLock { client in
            if let client { return client }
            let made = try TopicClient(configuration: self.configuration, logger: self.logger)
            client = made
            return made
        }
    }

    /// The connection is made when it is needed, and shared by copies.
    private final class SharedClient: Sendable {
        let value = Mutex<TopicClient?>(nil)
    }
}
