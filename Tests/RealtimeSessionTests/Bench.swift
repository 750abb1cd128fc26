import Agents
import CallEvents
import CallFlow
import Kafka
import Logging
import NIOCore
import OpenAIRealtime
import RealtimeSession
import RealtimeSimulator
import ServiceLifecycle
import StageRuntime
import SwiftProtobuf
import Synchronization
import TestSupport
import Testing

/// One call between a simulated model, a phone and a coordinator, over an embedded broker; the stage is the real one.
final class Bench: Sendable {
    static let key = "test-key"
    static let userID = "user-17"

    let broker: EmbeddedBroker
    let simulator: RealtimeSimulator
    let phone: Phone
    let callSid: String
    let path: AudioPath
    /// `CallRequested.direction`.
    private let direction: String
    private let log = Mutex<[CallEvent]>([])
    private let state: Mutex<CallState>
    /// Results of tools that the others are not told yet; nil: they are told at once.
    private let heldResults = Mutex<[CallEvent]?>(nil)

    var events: [CallEvent] { self.log.withLock { $0 } }
    var call: CallState { self.state.withLock { $0 } }

    private init(path: AudioPath, direction: String, rings: Bool, script: Script) throws {
        let digits = (0..<32).map { _ in String("0123456789abcdef".randomElement() ?? "0") }.joined()
        self.callSid = "CA\(digits)"
        self.path = path
        self.direction = direction
        self.broker = try EmbeddedBroker(partitions: 2)
        var configuration = RealtimeSimulator.Configuration()
        configuration.apiKey = Self.key
        configuration.script = script
        self.simulator = RealtimeSimulator(configuration: configuration, logger: .quiet)
        self.phone = try Phone(self.callSid, path: path, rings: rings, broker: self.broker)
        self.state = Mutex(CallState(callSid: self.callSid))
    }

    /// Runs everything but the stage beside `body`.
    /// - Parameter rings: the phone is not answered yet.
    static func run(
        path: AudioPath = .passthrough,
        direction: String = "",
        rings: Bool = false,
        script: Script = .demo,
        _ body: @Sendable (Bench) async throws -> Void
    ) async throws {
        let bench = try Bench(path: path, direction: direction, rings: rings, script: script)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await bench.simulator.run() }
            group.addTask { try await bench.phone.run() }
            group.addTask { try await bench.coordinate() }
            try await bench.request()
            if !rings { try await bench.answer() }
            do {
                try await body(bench)
            } catch {
                let story = bench.events.map(\.eventID).joined(separator: "\n")
                Issue.record("\(error)\n\(story)\n\(bench.phone.played)\n\(bench.simulator.sessions.map(\.turns))")
            }
            group.cancelAll()
            while let result = await group.nextResult() {
                if case .failure(let error) = result, !(error is CancellationError) { throw error }
            }
        }
    }

    /// Runs the stage while `body` runs, then kills it without a goodbye.
    /// - Parameter silenceLimit: the simulator is in this process, which may be slow to answer on a busy machine.
    func withStage(
        instance: String = "s1",
        silenceLimit: Duration = .seconds(10),
        configure: (inout SessionConfiguration) -> Void = { _ in },
        _ body: @Sendable () async throws -> Void
    ) async throws {
        let health = Health()
        let context = StageContext(
            stage: RealtimeSessionStage.name,
            instanceID: instance,
            topics: self.broker.topics,
            kafka: self.broker.configuration(instanceID: instance),
            logger: .quiet,
            health: health
        )
        var configuration = SessionConfiguration(
            url: await self.simulator.url,
            model: "gpt-realtime-2.1",
            apiKey: Self.key
        )
        configuration.silenceLimit = silenceLimit
        configure(&configuration)
        let services = try RealtimeSessionStage.services(configuration, context: context)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                try await ServiceGroup(services: services, logger: .quiet).run()
            }
            try await body()
            group.cancelAll()
            while let result = await group.nextResult() {
                if case .failure(let error) = result, !(error is CancellationError) { throw error }
            }
        }
    }

    // MARK: The coordinator

    private func request() async throws {
        var requested = CallEvent()
        requested.eventID = "requested/\(self.callSid)"
        requested.callSid = self.callSid
        requested.occurredAtUs = UnixTime.nowUs
        requested.requested.requestID = "r"
        requested.requested.businessName = "Test Business"
        requested.requested.userRequest = "Get quote for service"
        requested.requested.audioPath = self.path
        requested.requested.direction = self.direction
        requested.requested.userID = Self.userID
        try await self.deliver(try self.message(.events, requested))
    }

    /// The stream starts, and the phone sends.
    func answer() async throws {
        var started = CallEvent()
        started.eventID = "stream-started/\(self.callSid)/1"
        started.callSid = self.callSid
        started.occurredAtUs = UnixTime.nowUs
        started.streamStarted.streamEpoch = 1
        try await self.deliver(try self.message(.events, started))
        self.phone.answer()
    }

    /// Tools take until their results are released.
    func holdResults() { self.heldResults.withLock { $0 = [] } }

    func releaseResults() async throws {
        for result in self.heldResults.withLock({ $0.take() }) ?? [] {
            try await self.deliver(try self.message(.events, result))
        }
    }

    func completed() async throws {
        var completed = CallEvent()
        completed.eventID = "status/\(self.callSid)/9"
        completed.callSid = self.callSid
        completed.occurredAtUs = UnixTime.nowUs
        completed.statusChanged.status = "completed"
        completed.statusChanged.sequenceNumber = 9
        try await self.deliver(try self.message(.events, completed))
    }

    func deliver(_ command: CallCommand) async throws {
        try await self.deliver(try self.message(.commands, command))
    }

    func deliver(_ message: KafkaMessage) async throws {
        try await self.producing { try await $0.deliver([message]) }
    }

    /// Folds the call's events and does what they ask for, one at a time.
    private func coordinate() async throws {
        let partition = KeyPartition.of(self.callSid, count: self.broker.topics.partitions)
        let reader = try KafkaPartitionReader(
            KafkaTopicPartition(topic: self.broker.topics[.events], partition: partition),
            from: .edge(.beginning),
            configuration: self.broker.configuration(),
            logger: .quiet
        )
        try await self.producing { producer in
            for try await records in reader {
                for record in records {
                    let event = try CallEvent(key: record.key, value: record.value)
                    self.log.withLock { $0.append(event) }
                    let (state, outputs) = self.state.withLock { state in
                        let outputs = state.apply(event, at: record.offset)
                        return (state, outputs)
                    }
                    var messages = try outputs.compactMap { try self.message(for: $0, state) }
                    messages.append(try self.message(.state, state))
                    try await producer.deliver(messages)
                }
            }
        }
    }

    private func message(for output: CallOutput, _ state: CallState) throws -> KafkaMessage? {
        switch output {
        case .command(let command): return try self.message(.commands, command)
        case .effect(.plan):
            let plan = try AgentBook.builtIn().plan(for: state, atUs: UnixTime.nowUs)
            return try self.message(.events, self.event(CallID.planned(self.callSid)) { $0.callPlanned = plan })
        case .effect(.runTool(let call)):
            let completed = self.event(CallID.toolCompleted(self.callSid, toolCallID: call.toolCallID)) {
                $0.toolCompleted = Tool.run(call, in: ToolContext(state, atUs: UnixTime.nowUs))
            }
            let isHeld = self.heldResults.withLock { held in
                held?.append(completed)
                return held != nil
            }
            return isHeld ? nil : try self.message(.events, completed)
        case .effect, .telephony, .result: return nil
        }
    }

    private func event(_ id: String, _ change: (inout CallEvent) -> Void) -> CallEvent {
        var event = CallEvent()
        event.eventID = id
        event.callSid = self.callSid
        event.occurredAtUs = UnixTime.nowUs
        change(&event)
        return event
    }

    private func message(_ topic: Topic, _ value: some Message) throws -> KafkaMessage {
        let bytes: [UInt8] = try value.serializedBytes()
        return KafkaMessage(
            topic: self.broker.topics[topic],
            key: ByteBuffer(string: self.callSid),
            value: ByteBuffer(bytes: bytes)
        )
    }

    private func producing(_ body: @Sendable (KafkaProducer) async throws -> Void) async throws {
        let producer = try KafkaProducer(.events, configuration: self.broker.configuration(), logger: .quiet)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await producer.run() }
            try await body(producer)
            group.cancelAll()
        }
    }

    // MARK: What tests ask

    /// What was said, by whom, as the others know it.
    var conversation: [String] {
        self.call.spokenConversation.map { item in
            switch item.item {
            case .utterance(let utterance):
                "\(utterance.speaker == .person ? "person" : "agent"): \(utterance.text)"
            case .tool(let exchange): "tool: \(exchange.call.name) \(exchange.completed)"
            case nil: "?"
            }
        }
    }

    func has(_ kind: String, count: Int = 1) -> Bool {
        self.events.count { $0.eventID.hasPrefix("\(kind)/") } >= count
    }

    /// The agent has said so many things, and the phone has played them.
    func agentFinished(_ count: Int) async throws {
        try await eventually("the agent's utterance \(count), played") {
            let utterances = self.call.spokenConversation.filter {
                $0.utterance.speaker == .agent && !$0.utterance.interrupted
            }
            return utterances.count >= count && self.phone.isQuiet && self.phone.played.count >= count
        }
    }
}
