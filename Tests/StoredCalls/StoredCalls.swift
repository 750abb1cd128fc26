package import CallEvents
import CallFlow
package import Kafka
import NIOCore
import SeededRandom
import SwiftProtobuf

/// The records of many calls that the sink reads, as the other stages write them: many calls go on at once, and each
/// result is written when its event is.
package struct StoredCalls: Sendable {
    /// In the order in which they are produced.
    package let messages: [KafkaMessage]
    /// Of `messages`, those that cannot be read or stored.
    package let poisonous: Int

    /// The text of an utterance that no database takes.
    static let unstorable = "Nul\u{0}l"

    /// - Parameters:
    ///   - atOnce: how many of the calls go on at the same time.
    ///   - isDisturbed: some events come twice, as they may, and some records are what they must not be.
    package init(_ count: Int, turns: Int, atOnce: Int, topics: TopicNames, isDisturbed: Bool) throws {
        var generator = SeededGenerator(seed: 7)
        var running: [RunningCall] = []
        var begun = 0
        var messages: [KafkaMessage] = []
        var poisonous = 0
        while begun < count || !running.isEmpty {
            while running.count < atOnce, begun < count {
                running.append(RunningCall(call: StoredCall(number: begun, turns: turns)))
                begun += 1
            }
            let index = Int.random(in: running.indices, using: &generator)
            try messages += running[index].next(topics)
            if isDisturbed, Int.random(in: 0..<100, using: &generator) == 0 {
                messages += [try running[index].repeated(topics)]
                let poison = try Self.poison(running[index].call.callSid, topics)
                messages += poison
                poisonous += poison.count
            }
            if running[index].isOver { running.swapAt(index, running.count - 1) }
            if running.last?.isOver == true { running.removeLast() }
        }
        self.messages = messages
        self.poisonous = poisonous
    }

    private static func poison(_ callSid: String, _ topics: TopicNames) throws -> [KafkaMessage] {
        let key = ByteBuffer(string: callSid)
        let unstorable = CallEvent.with {
            $0.callSid = callSid
            $0.sessionEpoch = 1 << 40
            $0.utterance.itemID = "unstorable"
            $0.utterance.text = Self.unstorable
        }
        return [
            KafkaMessage(topic: topics[.events], key: key, value: ByteBuffer(bytes: [0xff, 0xff, 0x01])),
            KafkaMessage(topic: topics[.events], key: key, value: try Self.bytes(of: unstorable)),
            KafkaMessage(topic: topics[.resultsOrders], key: key, value: ByteBuffer(string: "{")),
            KafkaMessage(topic: topics[.resultsQuotes], key: key, value: ByteBuffer(string: #"{"quoteId":"q"}"#)),
        ]
    }

    fileprivate static func bytes(of event: CallEvent) throws -> ByteBuffer {
        ByteBuffer(bytes: try event.serializedBytes() as [UInt8])
    }
}

/// A call of which some events were written.
private struct RunningCall {
    let call: StoredCall
    private var written = 0
    private var state: CallState

    init(call: StoredCall) {
        self.call = call
        self.state = CallState(callSid: call.callSid)
    }

    var isOver: Bool { self.written == self.call.events.count }

    /// The next event, and the results that it makes.
    mutating func next(_ topics: TopicNames) throws -> [KafkaMessage] {
        let event = self.call.events[self.written]
        self.written += 1
        var messages = [try self.message(event, topics)]
        // Offsets here only need to rise.
        for output in self.state.apply(event, at: Int64(self.written)) {
            guard case .result(let result) = output, UndisturbedStore.topics.contains(result.topic) else { continue }
            messages.append(
                KafkaMessage(
                    topic: topics[result.topic],
                    key: ByteBuffer(string: self.call.callSid),
                    value: ByteBuffer(string: try result.json)
                )
            )
        }
        return messages
    }

    /// The event that was written last.
    func repeated(_ topics: TopicNames) throws -> KafkaMessage {
        try self.message(self.call.events[max(0, self.written - 1)], topics)
    }

    private func message(_ event: CallEvent, _ topics: TopicNames) throws -> KafkaMessage {
        KafkaMessage(
            topic: topics[.events],
            key: ByteBuffer(string: event.callSid),
            value: try StoredCalls.bytes(of: event)
        )
    }
}
