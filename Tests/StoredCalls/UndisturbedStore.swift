package import CallEvents
import CallFlow
import Foundation
package import Kafka
import Logging
import NIOCore
package import ResultsStore
import SwiftProtobuf

/// What a store must hold: all records that the broker has, folded from the first to the last in this process by
/// nobody but the fold, and written at once.
package struct UndisturbedStore: Sendable {
    private let store: DatabaseStore
    package let callSids: [String]

    /// Everything that the sink reads.
    static let topics: [Topic] = [
        .events, .resultsQuotes, .resultsAppointments, .resultsOrders, .resultsOffers, .resultsComparisons,
    ]

    /// - Parameter path: of a new file.
    package init(of topics: TopicNames, kafka: KafkaConfiguration, path: String) async throws {
        self.store = try DatabaseStore(DatabaseURL("sqlite:///\(path)"))
        var callSids: Set<String> = []
        for partition in 0..<topics.partitions {
            for topic in Self.topics {
                let records = try await Self.records(
                    of: KafkaTopicPartition(topic: topics[topic], partition: partition),
                    kafka
                )
                var batch = topic == .events ? Self.fold(records) : Self.results(records, topic)
                callSids.formUnion(batch.callSids)
                if let last = records.last {
                    let position = ResultsPosition(topic: last.topic, partition: partition)
                    batch.rows.positions = [position: last.offset + 1]
                }
                try await self.store.write(batch.rows)
            }
        }
        self.callSids = callSids.sorted()
    }

    /// Whether a store has come as far.
    package func isReached(by other: DatabaseStore) async throws -> Bool {
        try await other.positions() == self.store.positions()
    }

    /// How the other store differs; empty when every row is the same.
    package func differences(from other: DatabaseStore) async throws -> [String] {
        var differences: [String] = []
        if try await other.positions() != self.store.positions() { differences.append("positions") }
        for callSid in self.callSids {
            let (own, found) = (try await self.store.history(of: callSid), try await other.history(of: callSid))
            if own != found { differences.append("call \(callSid)") }
        }
        let states = try await self.store.states(of: Set(self.callSids))
        if try await other.states(of: Set(self.callSids)) != states { differences.append("states") }
        let all = StatisticsQuery(from: 0, to: .max)
        // Counts the rows: also those of calls that should not be there.
        if try await other.statistics(all) != self.store.statistics(all) { differences.append("statistics") }
        return differences
    }

    private static func records(
        of partition: KafkaTopicPartition,
        _ kafka: KafkaConfiguration
    ) async throws -> [KafkaRecord] {
        var logger = Logger(label: "undisturbed")
        logger.logLevel = .error
        let reader = try KafkaPartitionReader(
            partition,
            from: .edge(.beginning),
            follow: false,
            configuration: kafka,
            logger: logger
        )
        var records: [KafkaRecord] = []
        for try await batch in reader { records += batch }
        return records
    }

    private struct Batch {
        var rows = ResultsBatch()
        var callSids: Set<String> = []
    }

    private static func fold(_ records: [KafkaRecord]) -> Batch {
        var batch = Batch()
        var states: [String: CallState] = [:]
        for record in records {
            guard let event = try? CallEvent(key: record.key, value: record.value),
                event.utterance.text != StoredCalls.unstorable
            else { continue }
            let before = states[event.callSid]
            var after = before ?? CallState(callSid: event.callSid)
            _ = after.apply(event, at: record.offset)
            states[event.callSid] = after
            batch.rows.add(
                CallChanges.of(
                    event,
                    at: record.offset,
                    partition: record.partition,
                    before: before,
                    after: after
                )
            )
        }
        for state in states.values { batch.rows.add(state, partition: records.first?.partition ?? -1) }
        batch.callSids = Set(states.keys)
        return batch
    }

    private static func results(_ records: [KafkaRecord], _ topic: Topic) -> Batch {
        var batch = Batch()
        for record in records {
            guard let value = record.value, let result = Self.result(Array(value.readableBytesView), topic),
                record.key == ByteBuffer(string: result.callSid)
            else { continue }
            batch.rows.add(result, at: record.offset)
        }
        return batch
    }

    private static func result(_ json: [UInt8], _ topic: Topic) -> CallResult? {
        switch topic {
        case .resultsQuotes: (try? Quote(jsonUTF8Bytes: json)).map { .quote($0) }
        case .resultsAppointments: (try? Appointment(jsonUTF8Bytes: json)).map { .appointment($0) }
        case .resultsOrders: (try? Order(jsonUTF8Bytes: json)).map { .order($0) }
        case .resultsOffers: (try? Offer(jsonUTF8Bytes: json)).map { .offer($0) }
        case .resultsComparisons: (try? Comparison(jsonUTF8Bytes: json)).map { .comparison($0) }
        default: nil
        }
    }
}
