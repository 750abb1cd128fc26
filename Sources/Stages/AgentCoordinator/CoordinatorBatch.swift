import CallEvents
import CallFlow
import Kafka
import NIOCore
import SwiftProtobuf

/// What one batch of events leads to, collected for one transaction.
struct CoordinatorBatch {
    private let topics: TopicNames
    private let source: String
    let clockUs: Int64

    private(set) var offsets: [KafkaTopicPartition: Int64] = [:]
    private var outputs: [KafkaMessage] = []
    /// The last state of each call that the batch touched; nil removes it.
    private var snapshots: [String: CallState?] = [:]

    private(set) var toolsRun: [ToolCompleted] = []
    private(set) var handoffs: [Handoff] = []
    private(set) var results: [CallResult] = []
    /// What other systems' tools came to.
    private(set) var finished: [FinishedToolCall] = []
    /// Tools of other systems, to be begun when the transaction is committed.
    private(set) var calls: [HTTPToolCall] = []

    /// - Parameters:
    ///   - source: stage and instance, for the events that tools make.
    ///   - clockUs: now, Unix microseconds.
    init(topics: TopicNames, source: String, clockUs: Int64) {
        self.topics = topics
        self.source = source
        self.clockUs = clockUs
    }

    /// Results, commands, events of tools, and snapshots, in this order.
    var messages: [KafkaMessage] {
        get throws {
            try self.outputs
                + self.snapshots.map { callSid, state in
                    try self.message(
                        .state,
                        callSid,
                        state.map { ByteBuffer(bytes: try $0.serializedBytes() as [UInt8]) }
                    )
                }
        }
    }

    /// The record was dealt with: the input goes on behind it.
    mutating func consumed(_ record: KafkaRecord) {
        let partition = KafkaTopicPartition(topic: record.topic, partition: record.partition)
        self.offsets[partition] = max(self.offsets[partition] ?? 0, record.offset + 1)
    }

    mutating func snapshot(_ state: CallState) {
        self.snapshots[state.callSid] = .some(state)
    }

    mutating func remove(_ callSid: String) {
        self.snapshots[callSid] = .some(nil)
    }

    /// Takes what the fold of an event asked for; effects are had then and there.
    mutating func add(_ outputs: [CallOutput], of state: CallState, effects: EffectRunner) throws {
        for output in outputs {
            switch output {
            case .command(let command):
                self.outputs.append(try self.message(.commands, command.callSid, proto: command))
            case .telephony(let command):
                self.outputs.append(try self.message(.telephony, command.callSid, proto: command))
            case .result(let result):
                self.outputs.append(try self.message(result))
                self.results.append(result)
            case .effect(let effect):
                try self.add(effects.perform(effect, of: state, atUs: self.clockUs), of: state.callSid)
            }
        }
    }

    mutating func add(_ outcome: EffectRunner.Outcome, of callSid: String) throws {
        for (id, body) in outcome.events { try self.add(body, id: id, of: callSid) }
        if let call = outcome.call { self.calls.append(call) }
    }

    mutating func add(_ finished: FinishedToolCall) throws {
        self.finished.append(finished)
        let id = CallID.toolCompleted(finished.callSid, toolCallID: finished.completed.toolCallID)
        try self.add(.toolCompleted(finished.completed), id: id, of: finished.callSid)
    }

    /// An event of the coordinator's own.
    mutating func add(_ body: CallEvent.OneOf_Body, id: String, of callSid: String) throws {
        var event = CallEvent()
        event.eventID = id
        event.callSid = callSid
        event.occurredAtUs = self.clockUs
        event.source = self.source
        event.body = body
        self.outputs.append(try self.message(.events, callSid, proto: event))
        if case .toolCompleted(let completed) = body { self.toolsRun.append(completed) }
        if case .agentChanged(let change) = body { self.handoffs.append(change.handoff) }
        if case .toolCompleted(let completed) = body, completed.hasAgentChanged {
            self.handoffs.append(completed.agentChanged.handoff)
        }
    }

    private func message(_ result: CallResult) throws -> KafkaMessage {
        var message = self.message(result.topic, result.callSid, ByteBuffer(string: try result.json))
        message.headers = result.headers.map { KafkaHeader($0, ByteBuffer(string: $1)) }
        return message
    }

    private func message(_ topic: Topic, _ callSid: String, proto: some SwiftProtobuf.Message) throws -> KafkaMessage {
        self.message(topic, callSid, ByteBuffer(bytes: try proto.serializedBytes() as [UInt8]))
    }

    private func message(_ topic: Topic, _ callSid: String, _ value: ByteBuffer?) -> KafkaMessage {
        KafkaMessage(topic: self.topics[topic], key: ByteBuffer(string: callSid), value: value)
    }
}
