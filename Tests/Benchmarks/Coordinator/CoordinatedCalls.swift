import CallEvents
import Foundation
import Kafka
import Logging
import NIOCore
import StageRuntime
import SwiftProtobuf
import Synchronization
import TestSupport

/// Everybody around agent-coordinator: who writes the events of all calls, and who reads the commands.
final class CoordinatedCalls: Sendable {
    private struct State {
        var askedAt: [String: UInt64] = [:]
        var latencies = Latencies()
    }

    /// Calls begin one after the other, the last so many events of a call after the first: so are their tools spread.
    private static let spread = 24

    private let calls: [CoordinatedCall]
    private let topics: TopicNames
    private let kafka: KafkaConfiguration
    private let logger: Logger
    private let producer: KafkaProducer
    private let state = Mutex(State())

    init(_ count: Int, topics: TopicNames, kafka: KafkaConfiguration, logger: Logger) throws {
        self.calls = (0..<count).map { number in
            let hex = String(number, radix: 16)
            let callSid = "CA" + String(repeating: "0", count: 32 - hex.count) + hex
            return CoordinatedCall(callSid: callSid, number: number)
        }
        self.topics = topics
        self.kafka = kafka
        self.logger = logger
        self.producer = try KafkaProducer(.events, configuration: kafka, logger: logger)
    }

    var events: Int { self.calls.reduce(0) { $0 + $1.bodies.count } }
    var latencies: Latencies { self.state.withLock { $0.latencies } }
    /// Tool calls that were not answered yet.
    var unanswered: Int { self.state.withLock { $0.askedAt.count } }

    /// Hears the commands while `body` runs.
    func whileListening<Result>(_ body: () async throws -> Result) async throws -> Result {
        let reader = try KafkaPartitionReader(
            self.topics[.commands],
            from: .each(0..<self.topics.partitions, at: .edge(.end)),
            configuration: self.kafka,
            logger: self.logger
        )
        try await reader.positioned(timeout: .seconds(30))
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for try await records in reader { self.heard(records, at: Clock.nanoseconds) }
            }
            defer { group.cancelAll() }
            return try await body()
        }
    }

    private func heard(_ records: [KafkaRecord], at now: UInt64) {
        for record in records {
            guard let value = record.value,
                let command = try? CallCommand(serializedBytes: Array(value.readableBytesView))
            else { continue }
            let answered =
                switch command.body {
                case .toolResult(let result): result.toolCallID
                case .updateSession(let update): update.toolResult.toolCallID
                default: ""
                }
            self.state.withLock { state in
                guard let askedAt = state.askedAt.removeValue(forKey: answered) else { return }
                state.latencies.add(from: askedAt, to: now)
            }
        }
    }

    /// Writes every event when it is due, on a thread of its own.
    func speak(for seconds: Int) async throws {
        try await withCheckedThrowingContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(with: Result { try self.produce(for: seconds) })
            }
        }
        try await eventually("all tools are answered", timeout: .seconds(60)) { self.unanswered == 0 }
    }

    private func produce(for seconds: Int) throws {
        let start = Clock.nanoseconds
        let steps = self.calls[0].bodies.count
        let slots = (steps + Self.spread) * self.calls.count
        let interval = UInt64(seconds) * 1_000_000_000 / UInt64(slots)
        for index in 0..<slots {
            let (slot, number) = index.quotientAndRemainder(dividingBy: self.calls.count)
            let step = slot - number * Self.spread / self.calls.count
            guard (0..<steps).contains(step) else { continue }
            Clock.sleep(until: start + UInt64(index) * interval)
            try self.write(self.calls[number].bodies[step], step, of: self.calls[number].callSid)
        }
    }

    private func write(_ body: CallEvent.OneOf_Body, _ step: Int, of callSid: String) throws {
        let event = CallEvent.with {
            $0.eventID = "\(callSid)/\(step)"
            $0.callSid = callSid
            $0.occurredAtUs = UnixTime.nowUs
            $0.source = "voice-bench"
            // Not lower than any claim's offset.
            $0.sessionEpoch = 1 << 40
            $0.body = body
        }
        if case .toolRequested(let request) = body {
            self.state.withLock { $0.askedAt[request.call.toolCallID] = Clock.nanoseconds }
        }
        let message = KafkaMessage(
            topic: self.topics[.events],
            key: ByteBuffer(string: callSid),
            value: ByteBuffer(bytes: try event.serializedBytes() as [UInt8])
        )
        guard try self.producer.send(message) == .accepted else {
            throw StreamsError(description: "the broker does not take the events as fast as they come")
        }
    }
}
