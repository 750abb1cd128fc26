package import CallEvents
package import Kafka
import NIOCore
import Synchronization

/// What came out of audio-transcoder, as its readers take it: repeats dropped by sequence number.
package final class ConvertedAudio: Sendable {
    /// One direction of one call.
    package struct Stream: Hashable, Sendable {
        package var callSid: String
        package var isInbound: Bool

        package init(callSid: String, isInbound: Bool) {
            self.callSid = callSid
            self.isInbound = isInbound
        }
    }

    package struct Seen: Sendable {
        /// Without the repeats.
        package fileprivate(set) var digest = AudioDigest()
        package fileprivate(set) var repeated = 0
        /// Sequence numbers that were passed over.
        package fileprivate(set) var missing: UInt64 = 0
        /// When each of the digest's records arrived.
        package fileprivate(set) var times: [ContinuousClock.Instant] = []
        fileprivate var newest: (epoch: Int64, sequence: UInt64)?
        fileprivate var cleared: UInt32 = 0

        /// - Returns: whether it is new.
        fileprivate mutating func take(_ frame: AudioFrame, epoch: Int64) -> Bool {
            if frame.control == .clear {
                guard frame.playoutEpoch > self.cleared else { return false }
                self.cleared = frame.playoutEpoch
                return true
            }
            if let newest = self.newest {
                guard (epoch, frame.sequence) > newest else { return false }
                self.missing += epoch == newest.epoch ? frame.sequence - newest.sequence - 1 : frame.sequence
            } else {
                self.missing += frame.sequence
            }
            self.newest = (epoch, frame.sequence)
            return true
        }
    }

    private let topics: TopicNames
    private let readers: [KafkaPartitionReader]
    private let streams = Mutex<[Stream: Seen]>([:])

    /// Reads both topics from their ends; they must exist.
    package init(_ topics: TopicNames, configuration: KafkaConfiguration) throws {
        self.topics = topics
        self.readers = try [Topic.audioInboundModel, .audioOutboundPhone].map { topic in
            try KafkaPartitionReader(
                topics[topic],
                from: .each(0..<topics.partitions, at: .edge(.end)),
                readCommitted: false,
                configuration: configuration,
                logger: .quiet
            )
        }
    }

    /// Returns when all that is produced from then on will be read; needs `run`.
    package func positioned() async throws {
        for reader in self.readers { try await reader.positioned(timeout: .seconds(30)) }
    }

    /// Reads until cancelled.
    package func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for reader in self.readers {
                group.addTask {
                    for try await records in reader { try self.take(records) }
                }
            }
            try await group.waitForAll()
        }
    }

    package subscript(stream: Stream) -> Seen {
        self.streams.withLock { $0[stream] ?? Seen() }
    }

    private func take(_ records: [KafkaRecord]) throws {
        let now = ContinuousClock.now
        for record in records {
            guard let key = record.key, let value = record.value else { continue }
            let frame = try AudioFrame(record: value)
            let isInbound = record.topic == self.topics[.audioInboundModel]
            let epoch = isInbound ? Int64(frame.streamEpoch) : frame.sessionEpoch
            let stream = Stream(callSid: String(buffer: key), isInbound: isInbound)
            self.streams.withLock { streams in
                if streams[stream, default: Seen()].take(frame, epoch: epoch) {
                    streams[stream]?.digest.add(value)
                    streams[stream]?.times.append(now)
                } else {
                    streams[stream]?.repeated += 1
                }
            }
        }
    }
}
