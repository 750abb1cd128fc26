import CallEvents
import Kafka
import Logging
import NIOCore
import StageRuntime

/// A partition of one direction's source topic.
struct SourcePartition: Hashable, Sendable {
    var direction: Direction
    var number: Int32
}

/// The partitions that are ours, and what is done with their records. Owned by the task that consumes.
struct PartitionTable {
    struct DeadLetter: Sendable {
        var source: SourcePartition
        var record: KafkaRecord
        var reason: String
    }

    private struct Partition {
        var state: TranscoderState
        var stored: Int64?
    }

    /// Offsets are handed to the consumer, which commits within a second, this often while records arrive.
    private static let storeInterval = Duration.milliseconds(100)

    private let consumer: KafkaConsumer
    private let producer: KafkaProducer
    private let deliveries: Deliveries
    private let topics: TopicNames
    private let hold: Duration
    private let silenceGate: SilenceGateSettings?
    private let inboundTopic: String
    private let outboundTopic: String
    private let metrics: TranscoderMetrics
    private let logger: Logger
    private var partitions: [SourcePartition: Partition] = [:]
    private var lastStore = ContinuousClock.now
    /// The producer took the last frame: the first that it refuses is worth a line in the log.
    private var isFlowing = true

    init(
        consumer: KafkaConsumer,
        producer: KafkaProducer,
        deliveries: Deliveries,
        topics: TopicNames,
        hold: Duration,
        silenceGate: SilenceGateSettings?,
        metrics: TranscoderMetrics,
        logger: Logger
    ) {
        self.consumer = consumer
        self.producer = producer
        self.deliveries = deliveries
        self.topics = topics
        self.hold = hold
        self.silenceGate = silenceGate
        self.inboundTopic = topics[Direction.inbound.source]
        self.outboundTopic = topics[Direction.outbound.source]
        self.metrics = metrics
        self.logger = logger
    }

    /// Learns what was delivered, forgets calls that have ended, and stores how far all is done: for when no records
    /// come, which brings that about too.
    mutating func settle() {
        self.takeDeliveries()
        self.store(at: .now)
    }

    /// Converts a batch and sends it on.
    /// - Returns: what could not be read.
    mutating func process(_ records: [KafkaRecord]) -> [DeadLetter] {
        let received = ContinuousClock.now
        self.takeDeliveries()
        var letters: [DeadLetter] = []
        for record in records {
            guard let source = self.source(of: record) else { continue }
            self.metrics.received(source.direction)
            switch self.receive(record, from: source, at: received) {
            case .send(let message, let missing):
                if missing > 0 { self.metrics.missing(missing, source.direction) }
                self.send(message, source: source, offset: record.offset)
                self.metrics.latency(received.duration(to: .now), source.direction)
            case .gated(let gated):
                if gated.missing > 0 { self.metrics.missing(gated.missing, source.direction) }
                self.metrics.gated(gated)
                for output in gated.outputs { self.send(output.message, source: source, offset: output.offset) }
                self.metrics.latency(received.duration(to: .now), source.direction)
            case .drop(let reason, let isFirst):
                self.metrics.dropped(.record(reason), source.direction)
                if isFirst { self.log(reason.rawValue, record) }
            case .unreadable(let reason, let isFirst):
                self.metrics.dropped(.unreadable, source.direction)
                if isFirst { self.log(reason, record) }
                self.deliveries.began()
                letters.append(DeadLetter(source: source, record: record.copied, reason: reason))
            }
        }
        if self.lastStore.duration(to: received) >= Self.storeInterval {
            self.lastStore = received
            self.store(at: received)
        }
        return letters
    }

    /// Stores how far the partitions with these numbers are done, and gives them up.
    mutating func release(_ numbers: [Int32]) {
        self.settle()
        self.drop(numbers)
    }

    /// Forgets the partitions with these numbers.
    mutating func drop(_ numbers: [Int32]) {
        for number in numbers {
            for direction in Direction.allCases {
                self.partitions[SourcePartition(direction: direction, number: number)] = nil
            }
        }
    }

    private func source(of record: KafkaRecord) -> SourcePartition? {
        if record.topic == self.inboundTopic { return SourcePartition(direction: .inbound, number: record.partition) }
        if record.topic == self.outboundTopic { return SourcePartition(direction: .outbound, number: record.partition) }
        return nil
    }

    private mutating func receive(
        _ record: KafkaRecord,
        from source: SourcePartition,
        at now: ContinuousClock.Instant
    ) -> TranscoderState.Outcome {
        let (topics, hold) = (self.topics, self.hold)
        let silenceGate = source.direction == .inbound ? self.silenceGate : nil
        return self.partitions[
            source,
            default: Partition(
                state: TranscoderState(
                    direction: source.direction,
                    topics: topics,
                    hold: hold,
                    silenceGate: silenceGate
                )
            )
        ].state.receive(record, at: now)
    }

    private mutating func send(_ message: KafkaMessage, source: SourcePartition, offset: Int64) {
        let deliveries = self.deliveries
        let metrics = self.metrics
        deliveries.began()
        do throws(KafkaError) {
            let enqueued = try self.producer.send(message) { result in
                if case .failure = result { metrics.dropped(.undelivered, source.direction) }
                deliveries.finished(source, offset)
            }
            if enqueued == .accepted {
                self.metrics.sent(source.direction)
                self.isFlowing = true
                return
            }
            self.refused(.queueFull, source.direction, error: nil)
        } catch {
            self.refused(.refused, source.direction, error: error)
        }
        deliveries.finished(source, offset)
    }

    private mutating func refused(_ reason: TranscoderMetrics.Drop, _ direction: Direction, error: KafkaError?) {
        self.metrics.dropped(reason, direction)
        guard self.isFlowing else { return }
        self.isFlowing = false
        self.logger.warning(
            "The broker does not take audio fast enough: frames are dropped.",
            metadata: error.map { [LogKey.error: "\($0)"] }
        )
    }

    private mutating func takeDeliveries() {
        for delivery in self.deliveries.take() {
            self.partitions[delivery.source]?.state.finished(delivery.offset)
        }
    }

    private mutating func store(at now: ContinuousClock.Instant) {
        var calls = 0
        var index = self.partitions.startIndex
        while index != self.partitions.endIndex {
            let source = self.partitions.keys[index]
            let offset = self.partitions.values[index].state.storableOffset(at: now)
            calls += self.partitions.values[index].state.callCount
            if let offset, offset != self.partitions.values[index].stored {
                self.partitions.values[index].stored = offset
                let topic = source.direction == .inbound ? self.inboundTopic : self.outboundTopic
                self.consumer.store(offset, for: KafkaTopicPartition(topic: topic, partition: source.number))
            }
            self.partitions.formIndex(after: &index)
        }
        self.metrics.calls(calls)
    }

    private func log(_ reason: String, _ record: KafkaRecord) {
        self.logger.warning(
            "A frame was dropped; further ones of this call and direction are only counted.",
            metadata: [
                LogKey.callSid: "\(record.key.flatMap { CallSid(String(buffer: $0)) }.map { "\($0)" } ?? "")",
                "reason": "\(reason)",
                LogKey.topic: "\(record.topic)", LogKey.partition: "\(record.partition)",
                LogKey.offset: "\(record.offset)",
            ]
        )
    }
}

extension KafkaRecord {
    /// With memory of its own, because what was consumed together shares it.
    fileprivate var copied: KafkaRecord {
        var copy = self
        copy.key = self.key.map { ByteBuffer(bytes: $0.readableBytesView) }
        copy.value = self.value.map { ByteBuffer(bytes: $0.readableBytesView) }
        return copy
    }
}
