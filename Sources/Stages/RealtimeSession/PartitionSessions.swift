import CallEvents
import Kafka
import Logging
import NIOCore
import OpenAIRealtime
import StageRuntime
import Synchronization
import WebSockets

/// The calls of one partition, for as long as it is ours: restores those that live, starts new ones, hands each its
/// commands and audio, and ends them all, silently, when the partition goes elsewhere.
final class PartitionSessions: Sendable {
    /// What the calls of all partitions share.
    struct Environment: Sendable {
        var topics: TopicNames
        var kafka: KafkaConfiguration
        var outputs: SessionOutputs
        var client: WebSocketClient
        var watch: SilenceWatch
        /// Each call has one of them, for its socket and its task.
        var eventLoops: any EventLoopGroup
        var limits: AccountLimits
        var configuration: SessionConfiguration
        var metrics: SessionMetrics
        var instance: String
        var source: String
        var logger: Logger
    }

    private enum Start: Sendable {
        case fresh(StartSession)
        case restored(CallRestorer.Call)
    }

    private struct Launch: Sendable {
        var callSid: String
        var start: Start
        var mailbox: CallMailbox
    }

    /// A command to start a call that is older than this is about a call that is over.
    fileprivate static let startLimitMs: Int64 = 5 * 60_000
    /// While the partition is being restored this much audio waits; older goes.
    fileprivate static let heldLimit = 20_000

    fileprivate struct State {
        var isRestoring = true
        var isClosed = false
        var heldCommands: [(CallCommand, timestampMs: Int64)] = []
        var heldFrames = CircularBuffer<(call: ByteBuffer, frame: AudioFrame)>()
        var calls: [ByteBuffer: CallMailbox] = [:]
        var ended = EndedCalls(kept: .milliseconds(PartitionSessions.startLimitMs))
        var orphans = OrphanAudio()
    }

    let partition: Int32
    private let environment: Environment
    private let state = Mutex(State())
    private let launches: AsyncStream<Launch>
    private let launching: AsyncStream<Launch>.Continuation
    private let closed: AsyncStream<Never>
    private let closing: AsyncStream<Never>.Continuation
    private let finished: AsyncStream<Never>
    private let finishing: AsyncStream<Never>.Continuation

    init(partition: Int32, environment: Environment) {
        self.partition = partition
        self.environment = environment
        (self.launches, self.launching) = AsyncStream.makeStream()
        (self.closed, self.closing) = AsyncStream.makeStream()
        (self.finished, self.finishing) = AsyncStream.makeStream()
    }

    /// Runs the partition's calls until it is closed or the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask { await self.restore() }
            group.addTask {
                await withDiscardingTaskGroup { calls in
                    for await launch in self.launches {
                        // What its socket brings and takes needs no other thread to be woken.
                        let eventLoop = self.environment.eventLoops.next()
                        calls.addTask(executorPreference: EventLoopTaskExecutor(eventLoop)) {
                            await self.own(launch, on: eventLoop)
                        }
                    }
                }
            }
            for await _ in self.closed {}
            group.cancelAll()
        }
        self.finishing.finish()
    }

    /// Ends all calls without a word, and returns when they have ended.
    func close() async {
        let mailboxes = self.state.withLock { state in
            state.isClosed = true
            return Array(state.calls.values)
        }
        for mailbox in mailboxes { mailbox.close() }
        self.launching.finish()
        self.closing.finish()
        for await _ in self.finished {}
    }

    // MARK: Records

    func received(_ frame: AudioFrame, of call: ByteBuffer) {
        let lost = self.state.withLock { $0.received(frame, of: call) }
        if lost > 0 { self.environment.metrics.lost(.unknownCall, lost) }
    }

    func received(_ command: CallCommand, timestampMs: Int64) {
        let launch = self.state.withLock { state -> Launch? in
            guard !state.isRestoring else {
                state.heldCommands.append((command, timestampMs))
                return nil
            }
            return Self.take(command, timestampMs: timestampMs, &state)
        }
        if let launch { self.launching.yield(launch) }
    }

    /// - Returns: the call to start, if that is what the command asks for.
    private static func take(_ command: CallCommand, timestampMs: Int64, _ state: inout State) -> Launch? {
        let key = ByteBuffer(string: command.callSid)
        if let mailbox = state.calls[key] {
            mailbox.put(.command(command))
            return nil
        }
        guard case .startSession(let start)? = command.body, !state.isClosed, !state.ended.contains(key),
            timestampMs < 0 || UnixTime.nowUs / 1000 - timestampMs < Self.startLimitMs
        else { return nil }
        let mailbox = state.add(key)
        return Launch(callSid: command.callSid, start: .fresh(start), mailbox: mailbox)
    }

    // MARK: Restoring

    /// Restores the partition's calls, as often as it takes, then lets the records go on that waited for it.
    private func restore() async {
        guard let restored = await self.restored(only: nil) else { return }
        let launches = self.state.withLock { state -> [Launch] in
            state.ended.insert(restored.ended.map { ByteBuffer(string: $0) }, at: .now)
            var launches = restored.calls.map { call in
                let mailbox = state.add(ByteBuffer(string: call.state.callSid))
                return Launch(callSid: call.state.callSid, start: .restored(call), mailbox: mailbox)
            }
            state.isRestoring = false
            let (commands, frames) = (state.heldCommands, state.heldFrames)
            state.heldCommands = []
            state.heldFrames = []
            launches += commands.compactMap { Self.take($0.0, timestampMs: $0.timestampMs, &state) }
            for (call, frame) in frames { _ = state.received(frame, of: call) }
            return launches
        }
        if !restored.calls.isEmpty {
            self.environment.logger.info(
                "Calls restored",
                metadata: [LogKey.partition: "\(self.partition)", "calls": "\(restored.calls.count)"]
            )
        }
        for launch in launches { self.launching.yield(launch) }
    }

    /// - Returns: nil when the partition is not ours any more.
    private func restored(only callSid: String?) async -> CallRestorer.Partition? {
        let restorer = CallRestorer(
            partition: self.partition,
            topics: self.environment.topics,
            kafka: self.environment.kafka,
            outputs: self.environment.outputs,
            source: self.environment.source,
            instance: self.environment.instance,
            logger: self.environment.logger
        )
        return await self.insist("Restoring failed; trying again") { try await restorer.restore(only: callSid) }
    }

    /// Tries until it works.
    /// - Returns: nil when the partition is not ours any more.
    private func insist<Result>(_ failure: Logger.Message, _ work: () async throws -> Result) async -> Result? {
        var delay = Duration.milliseconds(250)
        while !Task.isCancelled {
            do {
                return try await work()
            } catch {
                if Task.isCancelled { break }
                self.environment.logger.warning(
                    failure,
                    metadata: [LogKey.partition: "\(self.partition)", LogKey.error: "\(error)"]
                )
                guard (try? await Task.sleep(for: delay)) != nil else { break }
                delay = min(delay * 2, .seconds(5))
            }
        }
        return nil
    }

    // MARK: Calls

    /// Owns one call from its claim to its end.
    private func own(_ launch: Launch, on eventLoop: any EventLoop) async {
        var logger = self.environment.logger
        logger[metadataKey: LogKey.callSid] = "\(launch.callSid)"
        let session = CallSession(
            launch.callSid,
            mailbox: launch.mailbox,
            environment: self.environment,
            on: eventLoop,
            logger: logger
        )
        var start = launch.start
        while let conversation = await self.conversation(launch.callSid, start) {
            logger.info("Call owned", metadata: ["session.epoch": "\(conversation.owner.sessionEpoch)"])
            let isNew = if case .fresh = start { true } else { false }
            let outcome = await session.run(conversation, isNew: isNew)
            logger.info("Call let go", metadata: ["outcome": "\(outcome)"])
            guard outcome == .eventLost, !Task.isCancelled else { break }
            // Reading all of the partition takes too long for an event loop.
            let restored = await withTaskExecutorPreference(globalConcurrentExecutor) {
                await self.restored(only: launch.callSid)
            }
            guard let call = restored?.calls.first else { break }
            start = .restored(call)
        }
        self.state.withLock { state in
            let key = ByteBuffer(string: launch.callSid)
            if state.calls[key] === launch.mailbox { state.calls[key] = nil }
            state.ended.insert(CollectionOfOne(key), at: .now)
        }
        launch.mailbox.close()
    }

    /// Claims the call where that is not done.
    private func conversation(_ callSid: String, _ start: Start) async -> Conversation? {
        func owner(_ epoch: Int64) -> Conversation.Owner {
            Conversation.Owner(callSid: callSid, source: self.environment.source, sessionEpoch: epoch)
        }
        switch start {
        case .restored(let call):
            return Conversation(
                owner: owner(call.sessionEpoch),
                restoring: call.state,
                atUs: UnixTime.nowUs,
                policy: self.environment.configuration.policy
            )
        case .fresh(let start):
            let outputs = self.environment.outputs
            let (instance, source) = (self.environment.instance, self.environment.source)
            let claim = await self.insist("Claiming a call failed; trying again") {
                try await outputs.claim(callSid, instance: instance, source: source)
            }
            let policy = self.environment.configuration.policy
            return claim.map { Conversation(owner: owner($0), start: start, policy: policy) }
        }
    }
}

extension PartitionSessions.State {
    fileprivate mutating func add(_ key: ByteBuffer) -> CallMailbox {
        let mailbox = CallMailbox()
        self.calls[key] = mailbox
        mailbox.put(self.orphans.take(key))
        return mailbox
    }

    /// - Returns: how many frames are lost for it.
    fileprivate mutating func received(_ frame: AudioFrame, of call: ByteBuffer) -> Int {
        if self.isRestoring {
            self.heldFrames.append((call.unshared, frame.unshared))
            guard self.heldFrames.count > PartitionSessions.heldLimit else { return 0 }
            self.heldFrames.removeFirst()
            return 1
        }
        guard let mailbox = self.calls[call] else {
            return self.ended.contains(call) ? 1 : self.orphans.add(frame, of: call)
        }
        mailbox.put(frame)
        return 0
    }
}
