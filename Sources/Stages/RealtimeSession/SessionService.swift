import CallEvents
import Kafka
import Logging
import NIOCore
import ServiceLifecycle
import StageRuntime
import SwiftProtobuf
import WebSockets

/// Consumes commands and inbound audio, and gives each partition that is ours its own.
struct SessionService: Service {
    private static let assigned = "kafka-assignment"

    private let consumer: KafkaConsumer
    private let deadLetters: DeadLetters
    private let environment: PartitionSessions.Environment
    /// The topic's name, made once.
    private let commands: String
    private let health: Health

    init(
        consumer: KafkaConsumer,
        deadLetters: DeadLetters,
        environment: PartitionSessions.Environment,
        health: Health
    ) {
        self.consumer = consumer
        self.deadLetters = deadLetters
        self.environment = environment
        self.commands = environment.topics[.commands]
        self.health = health
        health.require(Self.assigned)
    }

    /// A partition that is ours, and how far its audio may be forgotten.
    private struct Owned {
        var sessions: PartitionSessions
        var offsets = AudioOffsets()
    }

    func run() async throws {
        // Calls are woken by what is consumed: on their thread, all of them at once.
        let executor = EventLoopTaskExecutor(self.environment.eventLoops.any())
        try await withTaskExecutorPreference(executor) { try await self.consume() }
    }

    private func consume() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { await self.environment.watch.run() }
            defer { group.cancelAll() }
            var owned: [Int32: Owned] = [:]
            for try await event in self.consumer {
                switch event {
                case .assigned(let partitions):
                    for partition in partitions {
                        let sessions = PartitionSessions(partition: partition, environment: self.environment)
                        owned[partition] = Owned(sessions: sessions)
                        // Restoring many calls takes long enough to hold up those that live.
                        group.addTask(executorPreference: globalConcurrentExecutor) { await sessions.run() }
                    }
                    self.health.set(Self.assigned, ready: true)
                case .records(let records):
                    await self.route(records, &owned)
                case .revoked(let partitions), .lost(let partitions):
                    await self.close(partitions.compactMap { owned.removeValue(forKey: $0)?.sessions })
                }
            }
            await self.close(owned.values.map(\.sessions))
        }
    }

    private func close(_ partitions: [PartitionSessions]) async {
        await withDiscardingTaskGroup { group in
            for sessions in partitions { group.addTask { await sessions.close() } }
        }
    }

    /// Audio, which is nearly all that comes, is not waited for.
    private func route(_ records: [KafkaRecord], _ owned: inout [Int32: Owned]) async {
        for record in records {
            guard let sessions = owned[record.partition]?.sessions else { continue }
            let partition = KafkaTopicPartition(topic: record.topic, partition: record.partition)
            if record.topic == self.commands {
                await self.route(command: record, to: sessions)
                self.consumer.store(record.offset + 1, for: partition)
                continue
            }
            if let problem = self.route(audio: record, to: sessions) { await self.bury(record, problem) }
            let timestampMs = record.timestampMs >= 0 ? record.timestampMs : UnixTime.nowUs / 1000
            if let offset = owned[record.partition]?.offsets.consumed(record.offset, timestampMs: timestampMs) {
                self.consumer.store(offset, for: partition)
            }
        }
    }

    private func route(command record: KafkaRecord, to sessions: PartitionSessions) async {
        guard let value = record.value,
            let command = try? CallCommand(serializedBytes: Array(value.readableBytesView)),
            record.key == ByteBuffer(string: command.callSid)
        else {
            await self.bury(record, "not a CallCommand of the call that the key names")
            return
        }
        sessions.received(command, timestampMs: record.timestampMs)
    }

    /// - Returns: why the record cannot be read.
    private func route(audio record: KafkaRecord, to sessions: PartitionSessions) -> String? {
        guard let key = record.key, let value = record.value else { return "no key or no value" }
        do {
            sessions.received(try AudioFrame(record: value), of: key)
            return nil
        } catch {
            return "not an AudioFrame: \(error.code.rawValue)"
        }
    }

    /// The stage waits for it: what cannot be read is rare, and must not be passed over silently.
    private func bury(_ record: KafkaRecord, _ reason: String) async {
        self.environment.metrics.lost(.unreadable)
        do {
            try await self.deadLetters.write(record, reason: reason)
        } catch {
            self.environment.logger.error(
                "An unreadable record could not be put aside",
                metadata: [
                    LogKey.topic: "\(record.topic)", LogKey.partition: "\(record.partition)",
                    LogKey.offset: "\(record.offset)", LogKey.error: "\(error)",
                ]
            )
        }
    }
}
