package import CallEvents
package import Kafka
import NIOCore
import Synchronization

/// Many calls at once, both directions, produced in real time or slower until told to stop.
package final class SpokenCalls: Sendable {
    private struct State {
        var calls: [SpokenCall]
        var isStopping = false
        var ticks: [ContinuousClock.Instant] = []
    }

    /// Calls speak in turn, so that a second's frames do not come in heaps.
    private static let turns = 5

    private let topics: [TopicNames]
    private let producer: KafkaProducer
    private let interval: Duration
    private let state: Mutex<State>

    /// - Parameters:
    ///   - topics: of each deployment that is to have the same audio.
    ///   - interval: from one frame of a stream to the next; 20 ms is real time.
    package init(
        _ count: Int,
        topics: [TopicNames],
        every interval: Duration,
        configuration: KafkaConfiguration
    ) throws {
        let run = UInt32.random(in: 0x1000_0000 ... .max)
        let partitions = topics[0].partitions
        self.topics = topics
        self.interval = interval
        self.state = Mutex(
            State(calls: (0..<count).map { SpokenCall(number: $0, run: run, partitions: partitions) })
        )
        // Idempotent, so that what goes in is in order and without repeats itself.
        self.producer = try KafkaProducer(
            .events,
            gatheringEvery: .milliseconds(2),
            reportsDeliveries: false,
            configuration: configuration,
            logger: .quiet
        )
    }

    /// As far as they are produced.
    package var calls: [SpokenCall] { self.state.withLock { $0.calls } }

    /// When the first call's frames were produced.
    package var ticks: [ContinuousClock.Instant] { self.state.withLock { $0.ticks } }

    package func stop() { self.state.withLock { $0.isStopping = true } }

    /// Speaks until stopped, then ends every call.
    package func run() async throws {
        var next = ContinuousClock.now
        var turn = 0
        while !self.state.withLock({ $0.isStopping }) {
            try await Task.sleep(until: next)
            try await self.produce(turn)
            turn = (turn + 1) % Self.turns
            next += self.interval / Self.turns
        }
        for index in self.state.withLock({ $0.calls.indices }) {
            let (callSid, frames) = self.state.withLock { ($0.calls[index].callSid, $0.calls[index].finish()) }
            for frame in frames { try await self.send(frame, of: callSid, to: .audioOutboundModel) }
        }
    }

    private func produce(_ turn: Int) async throws {
        let frames = self.state.withLock { state in
            if turn == 0 { state.ticks.append(.now) }
            return stride(from: turn, to: state.calls.count, by: Self.turns).map { index in
                (state.calls[index].callSid, state.calls[index].nextInbound(), state.calls[index].nextOutbound())
            }
        }
        for (callSid, inbound, outbound) in frames {
            try await self.send(inbound, of: callSid, to: .audioInboundPhone)
            try await self.send(outbound, of: callSid, to: .audioOutboundModel)
        }
    }

    private func send(_ frame: AudioFrame, of callSid: String, to topic: Topic) async throws {
        var value = ByteBuffer()
        frame.write(to: &value)
        for topics in self.topics {
            let message = KafkaMessage(topic: topics[topic], key: ByteBuffer(string: callSid), value: value)
            while try self.producer.send(message) == .queueFull { try await Task.sleep(for: .milliseconds(5)) }
        }
    }
}
