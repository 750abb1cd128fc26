import CallEvents
import Kafka
import Logging
import NIOCore
import StageRuntime
import SwiftProtobuf

/// Calls in progress as the other stages tell of them: a turn every four seconds, levels ten times and partial words four
/// times a second.
struct WatchedCalls: Sendable {
    private static let tick = Duration.milliseconds(10)
    private static let ticksPerSecond = 100
    private static let ticksPerTurn = 400

    let callSids: [String]
    private let topics: TopicNames
    private let producer: KafkaProducer

    init(_ count: Int, topics: TopicNames, producer: KafkaProducer) {
        self.callSids = (0..<count).map { index in
            let digits = String(index, radix: 16)
            return "CA" + String(repeating: "0", count: 32 - digits.count) + digits
        }
        self.topics = topics
        self.producer = producer
    }

    func begin() async throws {
        for callSid in self.callSids {
            try await self.producer.deliver([
                try self.event(of: callSid, .requested(.with { $0.businessName = "Test Business" })),
                try self.event(
                    of: callSid,
                    .statusChanged(
                        .with {
                            $0.status = "in-progress"
                            $0.sequenceNumber = 2
                        }
                    )
                ),
            ])
        }
    }

    /// - Parameter seconds: which of the calls' seconds are now.
    /// - Returns: how many utterances there were.
    func goOn(_ seconds: Range<Int>) async throws -> Int {
        let start = ContinuousClock.now
        var said = 0
        for tick in (seconds.lowerBound * Self.ticksPerSecond)..<(seconds.upperBound * Self.ticksPerSecond) {
            try await Task.sleep(until: start + Self.tick * (tick - seconds.lowerBound * Self.ticksPerSecond))
            for (index, callSid) in self.callSids.enumerated() {
                // Out of step with each other.
                let position = tick + index * 7
                let turn = position / Self.ticksPerTurn
                for message in try self.live(of: callSid, position, turn) { try self.send(message) }
                for body in self.bodies(position % Self.ticksPerTurn, turn) {
                    if case .utterance = body { said += 1 }
                    try self.send(try self.event(of: callSid, body))
                }
            }
        }
        return said
    }

    private func bodies(_ position: Int, _ turn: Int) -> [CallEvent.OneOf_Body] {
        switch position {
        case 0: [.speechStarted(.with { $0.itemID = "p\(turn)" })]
        case 120: [.speechStopped(.with { $0.itemID = "p\(turn)" })]
        case 150:
            [
                .utterance(
                    .with {
                        $0.itemID = "p\(turn)"
                        $0.speaker = .person
                        $0.text = "What does it cost, then?"
                    }
                )
            ]
        case 180:
            [
                .turnMeasured(
                    .with {
                        $0.responseID = "r\(turn)"
                        $0.firstAudioMs = 420
                        $0.firstPlayedMs = 560
                    }
                )
            ]
        case 350:
            [
                .utterance(
                    .with {
                        $0.itemID = "a\(turn)"
                        $0.speaker = .agent
                        $0.text = "It costs forty-five."
                    }
                ),
                .responseDone(
                    .with {
                        $0.responseID = "r\(turn)"
                        $0.status = "completed"
                        $0.costNanodollars = 3_000_000
                    }
                ),
            ]
        default: []
        }
    }

    private func live(of callSid: String, _ position: Int, _ turn: Int) throws -> [KafkaMessage] {
        var updates: [LiveUpdate] = []
        if position.isMultiple(of: 10) {
            updates.append(
                .with {
                    $0.levels.inboundDbfs = -32.5
                    $0.levels.outboundDbfs = -18.25
                }
            )
        }
        if position.isMultiple(of: 25) {
            updates.append(
                .with {
                    $0.partial.itemID = "a\(turn)"
                    $0.partial.text = "It costs forty"
                }
            )
        }
        return try updates.map { update in
            var update = update
            update.callSid = callSid
            return self.message(.live, callSid, try update.serializedBytes())
        }
    }

    private func event(of callSid: String, _ body: CallEvent.OneOf_Body) throws -> KafkaMessage {
        let event = CallEvent.with {
            $0.callSid = callSid
            $0.occurredAtUs = UnixTime.nowUs
            $0.body = body
        }
        return self.message(.events, callSid, try event.serializedBytes())
    }

    private func message(_ topic: Topic, _ callSid: String, _ value: [UInt8]) -> KafkaMessage {
        KafkaMessage(topic: self.topics[topic], key: ByteBuffer(string: callSid), value: ByteBuffer(bytes: value))
    }

    private func send(_ message: KafkaMessage) throws {
        guard try self.producer.send(message) == .accepted else {
            throw StreamsError(description: "the broker takes the load too slowly")
        }
    }
}
