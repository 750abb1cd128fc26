import CallEvents
import Kafka
import Logging
import NIOCore
import OpenAIRealtime
import StageRuntime
import WebSockets

/// The task that owns a call: feeds its conversation from the mailbox and does what it asks for.
final class CallSession: Sendable {
    enum Outcome: Sendable, Equatable {
        /// The conversation is over.
        case ended
        /// Told to stop: another owner goes on.
        case stopped
        /// An event was lost: the call must be restored from what is written.
        case eventLost
    }

    /// How long the model may stay away before the call is given up.
    private static let patience = Duration.seconds(45)
    /// How long a new call waits for the account's limits: the phone rings longer.
    private static let admissionPatience = Duration.seconds(8)

    let callSid: String
    let mailbox: CallMailbox
    let outputs: SessionOutputs
    let client: WebSocketClient
    let watch: SilenceWatch
    let limits: AccountLimits
    let configuration: SessionConfiguration
    let metrics: SessionMetrics
    let logger: Logger
    private let timers: CallTimers

    init(
        _ callSid: String,
        mailbox: CallMailbox,
        environment: PartitionSessions.Environment,
        on eventLoop: any EventLoop,
        logger: Logger
    ) {
        self.callSid = callSid
        self.mailbox = mailbox
        self.outputs = environment.outputs
        self.client = environment.client.on(eventLoop)
        self.watch = environment.watch
        self.limits = environment.limits
        self.configuration = environment.configuration
        self.metrics = environment.metrics
        self.logger = logger
        self.timers = CallTimers(on: eventLoop, mailbox: mailbox)
    }

    /// - Parameter isNew: nobody has owned the call before: when the account has little left, it is not begun.
    func run(_ conversation: Conversation, isNew: Bool) async -> Outcome {
        self.metrics.sessionStarted()
        defer {
            self.timers.cancelAll()
            self.metrics.sessionEnded()
        }
        let (requests, asking) = AsyncStream.makeStream(of: ModelConnection.Request.self)
        let connection = ModelConnection(
            client: self.client,
            watch: self.watch,
            configuration: self.configuration,
            safetyIdentifier: conversation.safetyIdentifier,
            mailbox: self.mailbox,
            logger: self.logger
        )
        let isAdmitted = isNew ? await self.limits.admits(within: Self.admissionPatience) : true
        return await withDiscardingTaskGroup(returning: Outcome.self) { group in
            group.addTask { await connection.run(requests) }
            var owner = Owner(session: self, conversation: conversation, requests: asking)
            let outcome = await withTaskCancellationHandler {
                await owner.run(isAdmitted: isAdmitted)
            } onCancel: {
                self.mailbox.close()
            }
            asking.finish()
            group.cancelAll()
            return outcome
        }
    }

    /// A connection that was asked for, and its socket once it is open.
    private struct Connection {
        var number = 0
        var socket: WebSocket?
    }

    /// The mutable half, local to the task.
    private struct Owner {
        let session: CallSession
        var conversation: Conversation
        let requests: AsyncStream<ModelConnection.Request>.Continuation
        let key: ByteBuffer
        var driver: any ModelDriver
        /// To the session of the model that the conversation is in.
        var present = Connection()
        /// To one that is to take its place.
        var standby: Connection?
        var connections = 0
        /// Connections since the model was last ready.
        var attempts = 0
        var awaySince = ContinuousClock.now
        var texts: [ByteBuffer] = []
        var appendedAtUs: [Int64] = []

        init(
            session: CallSession,
            conversation: Conversation,
            requests: AsyncStream<ModelConnection.Request>.Continuation
        ) {
            self.session = session
            self.conversation = conversation
            self.requests = requests
            self.key = ByteBuffer(string: session.callSid)
            self.driver = session.configuration.makeDriver()
        }

        mutating func run(isAdmitted: Bool) async -> Outcome {
            var actions =
                isAdmitted
                ? self.conversation.started(atUs: UnixTime.nowUs)
                : self.conversation.refused("near_rate_limit", atUs: UnixTime.nowUs)
            if !isAdmitted { self.session.metrics.refused() }
            if let outcome = await self.perform(actions) { return outcome }
            while let batch = await self.session.mailbox.next() {
                for _ in 0..<batch.droppedFrames { self.session.metrics.dropped(.overflow) }
                for input in batch.inputs {
                    if case .eventLost(let error) = input {
                        self.session.logger.error("An event was lost", metadata: [LogKey.error: "\(error)"])
                        return .eventLost
                    }
                    actions = self.take(input)
                    if let outcome = await self.perform(actions) { return outcome }
                }
                let nowUs = UnixTime.nowUs
                actions = batch.frames.flatMap { self.conversation.received($0, atUs: nowUs) }
                if let outcome = await self.perform(actions) { return outcome }
            }
            return .stopped
        }

        private mutating func take(_ input: CallMailbox.Input) -> [ConversationAction] {
            switch input {
            case .command(let command): return self.conversation.received(command, atUs: UnixTime.nowUs)
            case .opened(let socket, let number):
                if number == self.present.number { self.present.socket = socket }
                if number == self.standby?.number { self.standby?.socket = socket }
                return []
            case .model(let event, let atUs, let number):
                if number == self.standby?.number { return self.conversation.receivedStandby(event, atUs: atUs) }
                guard number == self.present.number else { return [] }
                if case .configured = event { self.attempts = 0 }
                if case .limits(let limits) = event {
                    self.session.limits.update(limits)
                    self.session.metrics.limits(limits)
                }
                return self.conversation.received(event, atUs: atUs)
            case .lost(let loss, let number):
                if number == self.standby?.number {
                    self.standby = nil
                    return self.conversation.standbyLost()
                }
                guard number == self.present.number else { return [] }
                self.present.socket = nil
                return self.lost(loss)
            case .timer(let timer): return self.conversation.timerFired(timer)
            case .eventLost: return []
            }
        }

        private mutating func lost(_ loss: ConnectionLoss) -> [ConversationAction] {
            let nowUs = UnixTime.nowUs
            if self.attempts == 0 { self.awaySince = ContinuousClock.now }
            // A connection that was in use is worth another one, however it ended.
            if loss.isFinal, self.attempts > 0 { return self.conversation.refused(loss.reason, atUs: nowUs) }
            if ContinuousClock.now - self.awaySince > CallSession.patience {
                return self.conversation.refused("unavailable", atUs: nowUs)
            }
            return self.conversation.socketLost(loss.reason, atUs: nowUs)
        }

        /// Does what was asked for, in order; what goes to the model goes with one flush.
        private mutating func perform(_ actions: [ConversationAction]) async -> Outcome? {
            var hasEnded = false
            for action in actions {
                switch action {
                case .send(let command): self.texts.append(self.driver.message(command))
                case .append(let audio, let receivedAtUs):
                    self.texts.append(self.driver.message(appending: audio))
                    self.appendedAtUs.append(receivedAtUs)
                case .publish(let event): await self.publish(event)
                case .play(let frame): self.session.outputs.play(frame, key: self.key)
                case .clear(let frame): self.session.outputs.clear(frame, key: self.key)
                case .alive(let frame): self.session.outputs.tellPhone(frame, key: self.key)
                case .show(let update): self.session.outputs.show(update, key: self.key)
                case .schedule(let timer, let delay): self.session.timers.schedule(timer, after: delay)
                case .connect: self.connect()
                case .connectStandby: self.connectStandby()
                case .sendStandby(let command):
                    // A connection that is gone is reported by its reader.
                    try? await self.standby?.socket?.send(texts: [self.driver.message(command)])
                case .useStandby: await self.useStandby()
                case .dropStandby:
                    self.standby?.socket?.abort()
                    self.standby = nil
                case .drop(let reason): self.session.metrics.dropped(reason)
                case .end: hasEnded = true
                }
            }
            await self.flush()
            guard hasEnded else { return nil }
            // The session is over, however the socket ends.
            self.standby?.socket?.abort()
            try? await self.present.socket?.close(code: 1000, reason: "")
            return .ended
        }

        private func publish(_ event: CallEvent) async {
            switch event.body {
            case .responseDone(let done):
                self.session.metrics.responseDone(done)
                self.session.metrics.spent(nanodollars: done.costNanodollars)
            case .transcriptionDone(let done): self.session.metrics.spent(nanodollars: done.costNanodollars)
            case .turnMeasured(let turn): self.session.metrics.measured(turn)
            case .errorOccurred(let error):
                self.session.logger.warning(
                    "Trouble with the model",
                    metadata: ["code": "\(error.code)", "message": "\(error.message)", "fatal": "\(error.fatal)"]
                )
            default: break
            }
            await self.session.outputs.publish(event) { [mailbox = self.session.mailbox] error in
                mailbox.put(.eventLost(error))
            }
        }

        private mutating func flush() async {
            guard !self.texts.isEmpty else { return }
            if let socket = self.present.socket {
                // A connection that is gone is reported by its reader.
                try? await socket.send(texts: self.texts)
                let nowUs = UnixTime.nowUs
                for receivedAtUs in self.appendedAtUs { self.session.metrics.added(microseconds: nowUs - receivedAtUs) }
            }
            self.texts.removeAll(keepingCapacity: true)
            self.appendedAtUs.removeAll(keepingCapacity: true)
        }

        /// The first attempt goes at once; later ones wait ever longer, and not all calls at the same moment.
        private mutating func connect() {
            self.present.socket?.abort()
            self.present = self.newConnection()
            if self.present.number > 1 { self.session.metrics.reconnected() }
            let limit = self.attempts == 0 ? 0 : min(8000, 250 << min(self.attempts, 5))
            let delay = limit == 0 ? 0 : Int.random(in: limit / 2...limit)
            self.attempts += 1
            self.requests.yield(
                ModelConnection.Request(number: self.present.number, delay: .milliseconds(delay))
            )
        }

        private mutating func connectStandby() {
            let connection = self.newConnection()
            self.standby = connection
            self.requests.yield(ModelConnection.Request(number: connection.number, delay: .zero))
        }

        /// What was to be sent in the old session goes there before it is closed.
        private mutating func useStandby() async {
            guard let standby = self.standby.take() else { return }
            await self.flush()
            self.present.socket?.abort()
            self.present = standby
            self.session.metrics.renewed()
        }

        private mutating func newConnection() -> Connection {
            self.connections += 1
            return Connection(number: self.connections)
        }
    }
}
