import CallEvents
import Foundation
import Kafka
import Logging
import NIOCore
import Synchronization

/// When `clear` was produced for each stream, until it is on the socket.
final class ClearTimes: Sendable {
    private struct State {
        var producedAt: [UInt64]
        var latencies = Latencies()
        var sent = 0
    }

    private let state: Mutex<State>

    init(_ load: StreamLoad) {
        self.state = Mutex(State(producedAt: Array(repeating: 0, count: load.streams)))
    }

    func produced(_ stream: Int, at now: UInt64) {
        self.state.withLock { state in
            state.producedAt[stream] = now
            state.sent += 1
        }
    }

    func arrived(_ stream: Int, at now: UInt64) {
        self.state.withLock { state in
            guard state.producedAt[stream] > 0 else { return }
            state.latencies.add(from: state.producedAt[stream], to: now)
            state.producedAt[stream] = 0
        }
    }

    var latencies: Latencies { self.state.withLock { $0.latencies } }

    var sent: Int { self.state.withLock { $0.sent } }

    /// Produced and never seen on a socket.
    var missing: Int { self.state.withLock { state in state.producedAt.count { $0 > 0 } } }
}

/// The stage that the ingress works with: takes the callers' audio from Kafka, and speaks.
final class StageBehind: Sendable {
    private let load: StreamLoad
    private let run: UInt32
    private let topics: TopicNames
    private let kafka: KafkaConfiguration
    private let outboundPartition: Int32
    private let producer: KafkaProducer
    private let logger: Logger
    /// Of calls whose frames do not say it.
    private let streams = Mutex<[ByteBuffer: Int]>([:])

    init(
        _ load: StreamLoad,
        run: UInt32,
        topics: TopicNames,
        kafka: KafkaConfiguration,
        ingressInstance: String,
        logger: Logger
    ) throws {
        self.load = load
        self.run = run
        self.topics = topics
        self.kafka = kafka
        self.outboundPartition = KeyPartition.of(ingressInstance, count: topics.partitions)
        self.producer = try KafkaProducer(.audio, configuration: kafka, logger: logger)
        self.logger = logger
    }

    // MARK: From the callers

    /// Counts what the ingress produces while `body` runs.
    func whileListening<Result>(
        _ ledger: FrameLedger,
        skipsSilence: Bool,
        _ body: () async throws -> Result
    ) async throws -> Result {
        // The frames' time is of the system's clock, ours is not.
        let offset = Int64(Date().timeIntervalSince1970 * 1e9) - Int64(Clock.nanoseconds)
        let listener = FrameListener(
            [self.topics[.audioInboundPhone]],
            partitions: self.topics.partitions,
            producer: self.producer,
            kafka: self.kafka,
            logger: self.logger
        )
        return try await listener.whileListening(
            { frame, record in
                guard let frame else { return ledger.arrived(nil) }
                let received = UInt64(clamping: frame.receivedAtUs * 1_000 - offset)
                var tag = FrameTag(frame.payload)
                // A person of the simulator who has nothing to say.
                if skipsSilence, tag?.isSilence == true { return }
                if tag?.stream == FrameTag.streamOfKey {
                    tag?.stream = record.key.map { self.stream(of: $0) } ?? FrameTag.streamOfKey
                    tag?.sentAt = received
                }
                ledger.arrived(tag, wayPoint: received)
            },
            body
        )
    }

    /// Calls are numbered in the order in which they first speak.
    private func stream(of key: ByteBuffer) -> Int {
        self.streams.withLock { streams in
            if let stream = streams[key] { return stream }
            streams[key] = streams.count
            return streams.count - 1
        }
    }

    // MARK: The agent

    /// Produces every frame when it is due, on a thread of its own.
    /// - Parameters:
    ///   - calls: of the streams.
    ///   - start: of `Clock.nanoseconds`.
    ///   - isIdentified: whether the ledger will learn which frames arrived, or only how many.
    func speak(
        _ calls: [String],
        from start: UInt64,
        _ ledger: FrameLedger,
        _ clears: ClearTimes,
        isIdentified: Bool = true
    ) async throws {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try self.produce(calls, from: start, ledger, clears, isIdentified) })
            }
        }
    }

    private func produce(
        _ calls: [String],
        from start: UInt64,
        _ ledger: FrameLedger,
        _ clears: ClearTimes,
        _ isIdentified: Bool
    ) throws {
        let keys = calls.map { ByteBuffer(string: $0) }
        var agents = Array(repeating: Agent(), count: self.load.streams)
        for index in 0..<self.load.frames * self.load.streams {
            let (frame, stream) = index.quotientAndRemainder(dividingBy: self.load.streams)
            let turn = self.load.turn(stream, frame: frame)
            if case .silence = turn { continue }
            // Nothing was said that could be cleared.
            if case .clear = turn, !agents[stream].hasSpoken { continue }
            Clock.sleep(until: start + StreamLoad.due(index, streams: self.load.streams))
            // A clear drops what is still on its way, and rightly.
            if case .clear = turn, isIdentified, ledger.isOnTheWay(stream) { continue }
            let now = Clock.nanoseconds
            var record = agents[stream].record(of: turn, item: self.load.item(stream, frame: frame))
            record.outboundPartition = self.outboundPartition
            switch turn {
            case .audio:
                record.payload = FrameTag(run: self.run, stream: stream, number: frame, sentAt: now).payload
                if isIdentified { ledger.sent(of: stream) } else { ledger.sent(unidentified: 1) }
            case .clear:
                clears.produced(stream, at: now)
            case .endOfItem, .silence:
                break
            }
            var value = ByteBuffer()
            record.write(to: &value)
            let message = KafkaMessage(
                topic: self.topics[.audioOutboundPhone],
                partition: self.outboundPartition,
                key: keys[stream],
                value: value
            )
            _ = try self.producer.send(message)
        }
    }
}

/// The numbers that one call's outbound records carry.
private struct Agent {
    private var sequence: UInt64 = 0
    private var playoutEpoch: UInt32 = 0
    private(set) var hasSpoken = false

    mutating func record(of turn: StreamLoad.Turn, item: String) -> AudioFrame {
        var frame = AudioFrame(codec: .pcmu, streamEpoch: 1, sessionEpoch: 1, itemID: item)
        if case .clear = turn {
            self.playoutEpoch += 1
            frame.control = .clear
        } else {
            frame.sequence = self.sequence
            self.sequence += 1
            if case .endOfItem = turn { frame.control = .endOfItem } else { self.hasSpoken = true }
        }
        frame.playoutEpoch = self.playoutEpoch
        return frame
    }
}
