import Agents
import CallEvents
import CallFlow
import Kafka
import NIOCore
import SwiftProtobuf

/// What one batch of events leads to, collected for one transaction.
struct CoordinatorBatch {
    private let agents: AgentBook
    private let topics: TopicNames
    private let source: String
    private let clockUs: Int64

    private(set) var offsets: [KafkaTopicPartition: Int64] = [:]
    private var outputs: [KafkaMessage] = []
    /// The last state of each call that the batch touched; nil removes it.
    private var snapshots: [String: CallState?] = [:]

    private(set) var toolsRun: [ToolCompleted] = []
    private(set) var results: [CallResult] = []

    /// - Parameters:
    ///   - source: stage and instance, for the events that tools make.
    ///   - clockUs: now, Unix microseconds.
    init(agents: AgentBook, topics: TopicNames, source: String, clockUs: Int64) {
        self.agents = agents
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

    /// Takes what the fold of an event asked for; tools are run here and now.
    mutating func add(_ outputs: [CallOutput], of state: CallState) throws {
        for output in outputs {
            switch output {
            case .command(let command):
                self.outputs.append(try self.message(.commands, command.callSid, proto: command))
            case .telephony(let command):
                self.outputs.append(try self.message(.telephony, command.callSid, proto: command))
            case .result(let result):
                self.outputs.append(try self.message(result))
                self.results.append(result)
            case .effect(let effect): try self.perform(effect, of: state)
            }
        }
    }

    /// Does what the fold asked for outside of itself; the outcome becomes an event.
    mutating func perform(_ effect: CallEffect, of state: CallState) throws {
        switch effect {
        case .plan:
            let plan = self.agents.plan(for: state, atUs: self.clockUs)
            try self.append(CallID.planned(state.callSid), of: state) { $0.callPlanned = plan }
        case .runTool(let call): try self.run(call, of: state)
        case .giveUpTool(let call, let mayRepeat):
            let error = ToolError.unanswered(call.name, mayRepeat: mayRepeat)
            try self.append(CallID.toolCompleted(state.callSid, toolCallID: call.toolCallID), of: state) {
                $0.toolCompleted = error.completed(call)
            }
        case .handOver(let pending):
            try self.append(CallID.handoffDecision(pending.eventID), of: state) {
                $0.handoffRefused.request = pending.request
                $0.handoffRefused.reason = "There is no agent \(pending.request.toAgent)."
            }
        }
    }

    private mutating func append(_ id: String, of state: CallState, _ change: (inout CallEvent) -> Void) throws {
        var event = CallEvent()
        event.eventID = id
        event.callSid = state.callSid
        event.occurredAtUs = self.clockUs
        event.source = self.source
        change(&event)
        self.outputs.append(try self.message(.events, state.callSid, proto: event))
    }

    /// Runs a tool; its start and completion become events.
    private mutating func run(_ call: ToolCall, of state: CallState) throws {
        let completed = Tool.run(call, in: ToolContext(state, atUs: self.clockUs))
        self.toolsRun.append(completed)
        try self.append(CallID.toolStarted(state.callSid, toolCallID: call.toolCallID), of: state) {
            $0.toolStarted.toolCallID = call.toolCallID
            $0.toolStarted.name = call.name
            $0.toolStarted.repeatable = true
        }
        try self.append(CallID.toolCompleted(state.callSid, toolCallID: call.toolCallID), of: state) {
            $0.toolCompleted = completed
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
