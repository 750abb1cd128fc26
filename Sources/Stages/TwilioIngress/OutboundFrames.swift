import CallEvents
import CoreMetrics
import Kafka
import Logging
import NIOPosix
import ServiceLifecycle
import StageRuntime
import WebSockets

/// Reads the one partition of `audio.outbound.phone` that this instance is addressed by, from its end, and hands each
/// frame to the stream of its call. What belongs to other instances that share the partition is skipped.
struct OutboundFrames: Service {
    static let readinessCheck = "outbound-audio"

    private let topic: KafkaTopicPartition
    private let configuration: KafkaConfiguration
    private let registry: StreamRegistry
    private let deadLetters: DeadLetters
    private let health: Health
    private let metrics: IngressMetrics
    private let logger: Logger

    init(context: StageContext, registry: StreamRegistry, deadLetters: DeadLetters, metrics: IngressMetrics) {
        self.topic = KafkaTopicPartition(
            topic: context.topics[.audioOutboundPhone],
            partition: KeyPartition.of(context.instanceID, count: context.topics.partitions)
        )
        self.configuration = context.kafka
        self.registry = registry
        self.deadLetters = deadLetters
        self.health = context.health
        self.metrics = metrics
        self.logger = context.logger
        self.health.require(Self.readinessCheck)
    }

    func run() async throws {
        // Where the sockets are: the frames' way to them takes no other thread.
        let executor = EventLoopTaskExecutor(MultiThreadedEventLoopGroup.singleton.any())
        try await withTaskExecutorPreference(executor) { try await self.read() }
    }

    private func read() async throws {
        let reader = try KafkaPartitionReader(
            self.topic,
            from: .edge(.end),
            readCommitted: false,
            configuration: self.configuration,
            logger: self.logger
        )
        do {
            try await cancelWhenGracefulShutdown {
                try await reader.positioned(timeout: .seconds(60))
                self.health.set(Self.readinessCheck, ready: true)
                for try await batch in reader {
                    await self.deliver(batch)
                }
            }
        } catch is CancellationError where Task.isShuttingDownGracefully {
            // Stopped before the position was fixed.
        }
    }

    /// Each stream is woken once for all its frames of the batch, so that they go out with one flush.
    private func deliver(_ batch: [KafkaRecord]) async {
        let streams = self.registry.streams
        var touched: [MediaStream] = []
        var unreadable: [KafkaRecord] = []
        let nowUs = UnixTime.nowUs
        for record in batch {
            guard let key = record.key, let stream = streams[key] else { continue }
            guard let value = record.value, let offered = try? stream.offer(record: value, nowUs: nowUs) else {
                unreadable.append(record)
                continue
            }
            switch offered {
            case .queued:
                if !touched.contains(where: { $0 === stream }) { touched.append(stream) }
            case .dropped(let reason):
                self.metrics.dropped(reason)
            case .overflow:
                self.metrics.streamsStalled.increment()
                self.logger.warning(
                    "A stream was ended because its socket takes no more audio",
                    metadata: [LogKey.callSid: "\(stream.callSid)", LogKey.streamSid: "\(stream.streamSid)"]
                )
                stream.link.end()
            }
        }
        for stream in touched { stream.wake() }
        for record in unreadable { await self.putAside(record) }
    }

    private func putAside(_ record: KafkaRecord) async {
        do {
            try await self.deadLetters.write(record, reason: "not an AudioFrame")
        } catch {
            // 20 ms of one call are no reason to end all others.
            self.logger.error("An unreadable frame was not put aside", metadata: [LogKey.error: "\(error)"])
        }
    }
}
