import CallEvents
import Kafka
import Logging
import NIOCore
import SwiftProtobuf

/// What a partition of topic state tells: the newest snapshot of each call.
///
/// The topic holds many of each call until it is compacted, and decoding takes longer than fetching: of those that are
/// replaced only the beginning is looked at.
struct Snapshots {
    /// By callSid.
    private var newest: [String: ByteBuffer] = [:]

    /// The highest event offset that any snapshot includes: as a snapshot is written with every batch, all events up to
    /// it were dealt with. -1 when there is none.
    private(set) var appliedOffset: Int64 = -1

    /// Decodes them: to be asked once. One that cannot be decoded is left out.
    var calls: [String: CallState] {
        self.newest.compactMapValues { try? CallState(serializedBytes: Array($0.readableBytesView)) }
    }

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

    /// A later snapshot of a call replaces an earlier one; a tombstone removes it. One that is none, or of another call,
    /// is passed over: the call goes on with the one before it.
    mutating func take(_ record: KafkaRecord) {
        guard let key = record.key.map({ String(buffer: $0) }) else { return }
        guard let value = record.value else {
            self.newest[key] = nil
            return
        }
        guard let head = SnapshotHead(value), head.callSid == key else { return }
        self.newest[key] = value
        self.appliedOffset = max(self.appliedOffset, head.appliedOffset)
    }
}

/// `call_sid` and `applied_offset` of a `CallState` on the wire, which are its first fields and stand first: fields are
/// written in the order of their numbers.
private struct SnapshotHead {
    var callSid: String
    var appliedOffset: Int64 = 0

    /// - Returns: nil when the bytes begin with no callSid.
    init?(_ bytes: ByteBuffer) {
        var bytes = bytes
        // Field 1, length-delimited.
        guard bytes.readInteger(as: UInt8.self) == 1 << 3 | 2, let length = Self.varint(&bytes),
            let callSid = bytes.readString(length: Int(clamping: length))
        else { return nil }
        self.callSid = callSid
        // Field 2, varint; left out when it is 0.
        guard bytes.getInteger(at: bytes.readerIndex, as: UInt8.self) == 2 << 3 else { return }
        bytes.moveReaderIndex(forwardBy: 1)
        guard let offset = Self.varint(&bytes) else { return nil }
        self.appliedOffset = Int64(bitPattern: offset)
    }

    private static func varint(_ bytes: inout ByteBuffer) -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            guard let byte = bytes.readInteger(as: UInt8.self) else { return nil }
            value |= UInt64(byte & 0x7f) << shift
            if byte & 0x80 == 0 { return value }
        }
        return nil
    }
}
