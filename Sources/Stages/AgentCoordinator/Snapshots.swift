import CallEvents
import Kafka
import Logging
import NIOCore
import SwiftProtobuf

/// What a partition of topic state tells: the newest snapshot of each call.
struct Snapshots {
    private(set) var calls: [String: CallState] = [:]

    /// The highest event offset that any snapshot includes: as a snapshot is written with every batch, all events up to
    /// it were dealt with. -1 when there is none.
    private(set) var appliedOffset: Int64 = -1

    /// Reads partitions of topic state up to what is their end now.
    static func read(
        _ partitions: [Int32],
        of topic: String,
        configuration: KafkaConfiguration,
        logger: Logger
    ) async throws -> [Int32: Snapshots] {
        let reader = try KafkaPartitionReader(
            topic,
            from: .each(partitions, at: .edge(.beginning)),
            follow: false,
            configuration: configuration,
            logger: logger
        )
        var snapshots = Dictionary(uniqueKeysWithValues: partitions.map { ($0, Snapshots()) })
        for try await records in reader {
            for record in records { snapshots[record.partition]?.take(record) }
        }
        return snapshots
    }

    /// A later snapshot of a call replaces an earlier one; a tombstone removes it. One that cannot be read is passed
    /// over: the call goes on with the one before it.
    mutating func take(_ record: KafkaRecord) {
        guard let key = record.key.map({ String(buffer: $0) }) else { return }
        guard let value = record.value else {
            self.calls[key] = nil
            return
        }
        guard let state = try? CallState(serializedBytes: Array(value.readableBytesView)), state.callSid == key
        else { return }
        self.calls[key] = state
        self.appliedOffset = max(self.appliedOffset, state.appliedOffset)
    }
}
