import CallEvents
import CallFlow
import Kafka
import NIOCore
import SwiftProtobuf

/// What one batch of events leads to, collected for one transaction.
struct CoordinatorBatch {
    private let topics: TopicNames
    private let source: String
    private let clockUs: Int64

    private(set) var offsets: [KafkaTopicPartition: Int64] = [:]
    private var outputs: [KafkaMessage] = []
    /// The last state of each call that the batch touched; nil removes it.
    private var snapshots: [String: CallState?] = [:]

    private(set) var toolsRun: [ToolCompleted] = []
    private(set) var quotes = 0

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

    /// Takes what the fold of an event asked for; tools are run here and now.
    mutating func add(_ outputs: [CallOutput], of state: CallState) throws {
        for output in outputs {
            switch output {
            case .command(let command):
                self.outputs.append(try self.message(.commands, command.callSid, proto: command))
            case .telephony(let command):
                self.outputs.append(try self.message(.telephony, command.callSid, proto: command))
            case .quote(let quote):
                self.outputs.append(try self.message(quote))
                self.quotes += 1
            case .runTool(let call): try self.run(call, of: state)
            }
        }
    }

    /// Runs a tool; its start and completion become events.
    mutating func run(_ call: ToolCall, of state: CallState) throws {
        let completed = Tool.run(call, in: ToolContext(state, atUs: self.clockUs))
        self.toolsRun.append(completed)
        let started = CallEvent.with {
            $0.eventID = CallID.toolStarted(state.callSid, toolCallID: call.toolCallID)
            $0.toolStarted.toolCallID = call.toolCallID
            $0.toolStarted.name = call.name
        }
        let finished = CallEvent.with {
            $0.eventID = CallID.toolCompleted(state.callSid, toolCallID: call.toolCallID)
            $0.toolCompleted = completed
        }
        for var event in [started, finished] {
            event.callSid = state.callSid
            event.occurredAtUs = self.clockUs
            event.source = self.source
            self.outputs.append(try self.message(.events, state.callSid, proto: event))
        }
    }

    private func message(_ quote: Quote) throws -> KafkaMessage {
        var message = self.message(.resultsQuotes, quote.callSid, ByteBuffer(string: try quote.jsonString()))
        message.headers = [
            ("ce_specversion", "1.0"), ("ce_id", quote.quoteID), ("ce_type", "lifehub.voice.quote.v1"),
            ("ce_source", "/lifehub-voice/agent-coordinator"), ("ce_time", quote.quotedAt),
            ("content-type", "application/json"),
        ].map { KafkaHeader($0, ByteBuffer(string: $1)) }
        return message
    }

    private func message(_ topic: Topic, _ callSid: String, proto: some SwiftProtobuf.Message) throws -> KafkaMessage {
        self.message(topic, callSid, ByteBuffer(bytes: try proto.serializedBytes() as [UInt8]))
    }

    private func message(_ topic: Topic, _ callSid: String, _ value: ByteBuffer?) -> KafkaMessage {
        KafkaMessage(topic: self.topics[topic], key: ByteBuffer(string: callSid), value: value)
    }
}
