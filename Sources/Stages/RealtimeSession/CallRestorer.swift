import CallEvents
import CallFlow
import Kafka
import Logging
import NIOCore
import StageRuntime
import SwiftProtobuf

/// Rebuilds the calls of a partition from topics `state` and `events`, through the fold that the coordinator uses, and
/// never waits for the coordinator.
struct CallRestorer: Sendable {
    struct Call: Sendable {
        var state: CallState
        var sessionEpoch: Int64
    }

    struct Partition: Sendable {
        /// Claimed: live calls that have been told to start.
        var calls: [Call]
        /// Calls that are over.
        var ended: Set<String>
    }

    /// How long the events up to the own claim may take to arrive.
    private static let patience = Duration.seconds(20)

    let partition: Int32
    let topics: TopicNames
    let kafka: KafkaConfiguration
    let outputs: SessionOutputs
    let source: String
    let instance: String
    let logger: Logger

    /// - Parameter only: one call, which nobody else has taken; nil for all of the partition.
    /// - Throws: `KafkaError` when the broker is in trouble: nothing is lost, it may be called again.
    func restore(only: String? = nil) async throws -> Partition {
        let snapshots = try await self.snapshots()
        let ended = Set(snapshots.values.filter { $0.phase == .ended }.map(\.callSid))
        let live = snapshots.values.filter { state in
            state.phase != .ended && state.hasSession && (only == nil || only == state.callSid)
        }
        guard !live.isEmpty else { return Partition(calls: [], ended: ended) }

        let epochs = try await self.outputs.claim(live.map(\.callSid), instance: self.instance, source: self.source)
        var folding: [String: Call] = [:]
        for (state, epoch) in zip(live, epochs) {
            folding[state.callSid] = Call(state: state, sessionEpoch: epoch)
        }
        try await self.fold(into: &folding)
        let calls = folding.values.filter { call in
            // Ended meanwhile, or another has claimed it after us.
            call.state.phase != .ended && call.state.sessionEpoch <= call.sessionEpoch
        }
        return Partition(calls: Array(calls), ended: ended.union(folding.keys).subtracting(calls.map(\.state.callSid)))
    }

    private func snapshots() async throws -> [String: CallState] {
        let reader = try KafkaPartitionReader(
            KafkaTopicPartition(topic: self.topics[.state], partition: self.partition),
            from: .edge(.beginning),
            follow: false,
            configuration: self.kafka,
            logger: self.logger
        )
        var snapshots: [String: CallState] = [:]
        for try await records in reader {
            for record in records {
                guard let key = record.key.map({ String(buffer: $0) }) else { continue }
                guard let value = record.value else {
                    snapshots[key] = nil
                    continue
                }
                // One that cannot be read is passed over: its writer puts it aside.
                guard let state = try? CallState(serializedBytes: Array(value.readableBytesView)),
                    state.callSid == key
                else { continue }
                snapshots[key] = state
            }
        }
        return snapshots
    }

    /// Folds what came after the snapshots, up to the last of our own claims.
    private func fold(into calls: inout [String: Call]) async throws {
        guard let first = calls.values.map(\.state.appliedOffset).min(),
            let last = calls.values.map(\.sessionEpoch).max()
        else { return }
        let reader = try KafkaPartitionReader(
            KafkaTopicPartition(topic: self.topics[.events], partition: self.partition),
            from: .offset(first + 1),
            configuration: self.kafka,
            logger: self.logger
        )
        let read = try await withThrowingTaskGroup(of: [String: Call]?.self) { [calls] group in
            group.addTask {
                var folding = calls
                for try await records in reader {
                    for record in records {
                        Self.fold(record, into: &folding)
                        if record.offset >= last { return folding }
                    }
                }
                return folding
            }
            group.addTask {
                try await Task.sleep(for: Self.patience)
                return nil
            }
            defer { group.cancelAll() }
            return try await group.next() ?? nil
        }
        guard let read else {
            throw KafkaError(.timedOut, "events up to the claim at offset \(last) did not arrive")
        }
        calls = read
    }

    private static func fold(_ record: KafkaRecord, into calls: inout [String: Call]) {
        // One that cannot be read is passed over: the coordinator puts it aside.
        guard let event = try? CallEvent(key: record.key, value: record.value),
            var call = calls.removeValue(forKey: event.callSid)
        else { return }
        // What it asks for is the coordinator's to do.
        _ = call.state.apply(event, at: record.offset)
        calls[event.callSid] = call
    }
}
