import CallEvents
import Kafka
import Logging
import ServiceLifecycle
import StageRuntime

/// Consumes topic telephony as a member of the stage's group: any instance carries out a call's commands, in their
/// order, and no call waits for another one's.
///
/// A record's offset is stored when it is done, so that one whose instance dies is given to another instance. What must
/// not be done twice is claimed before: see `TelephonyCommandRunner`.
struct TelephonyCommands: Service {
    /// Commands that are carried out at once.
    private static let limit = 32
    /// While so many wait, no more are read for a moment.
    private static let waitingLimit = 1_000
    private static let waitingPause = Duration.seconds(5)
    /// For what is under way when a partition goes elsewhere: longer than Twilio may take to answer.
    private static let settling = Duration.seconds(20)

    private let subscription: KafkaConsumer.Subscription
    private let configuration: KafkaConfiguration
    private let runner: TelephonyCommandRunner
    private let rejoinAfter: Duration
    private let logger: Logger

    /// - Parameter rejoinAfter: how long an instance that was put out of the group stays away: another one of the same
    ///   name, which would be put out in its turn, does the work meanwhile.
    init(context: StageContext, runner: TelephonyCommandRunner, rejoinAfter: Duration) {
        self.subscription = KafkaConsumer.Subscription(
            group: context.group,
            topics: [context.topics[.telephony]]
        )
        self.configuration = context.kafka
        self.runner = runner
        self.rejoinAfter = rejoinAfter
        self.logger = context.logger
    }

    /// Whoever is put out of the group joins it again: the calls whose sockets are here go on meanwhile.
    func run() async throws {
        while true {
            do {
                return try await self.consume()
            } catch let error as KafkaError where error.code == .fenced || error.code == .broker {
                self.logger.error(
                    "Telephony commands are not read here for a while: this instance lost its place in the group",
                    metadata: [LogKey.error: "\(error)", "seconds": "\(self.rejoinAfter.components.seconds)"]
                )
            }
            let goesOn = await cancelWhenGracefulShutdown { (try? await Task.sleep(for: self.rejoinAfter)) != nil }
            guard goesOn else { return }
        }
    }

    private func consume() async throws {
        let consumer = try KafkaConsumer(
            self.subscription,
            configuration: self.configuration,
            logger: self.logger
        )
        let desk = TelephonyDesk(limit: Self.limit) { consumer.store($0, for: $1) }
        try await withThrowingDiscardingTaskGroup { group in
            for try await event in consumer {
                switch event {
                case .assigned:
                    break
                case .records(let records):
                    for record in records { desk.received(TelephonyWork(record)) }
                    while let task = desk.next() { group.addTask { await self.work(from: task, at: desk) } }
                    await desk.waitForRoom(below: Self.waitingLimit, within: Self.waitingPause)
                case .revoked(let partitions):
                    await desk.settle(partitions, within: Self.settling)
                case .lost(let partitions):
                    desk.drop(partitions)
                }
            }
        }
    }

    /// Does one thing after the other, of whatever call, until there is nothing to start.
    private func work(from first: TelephonyDesk.Assignment, at desk: TelephonyDesk) async {
        var next: TelephonyDesk.Assignment? = first
        while let assignment = next {
            if await assignment.carryOut({ try await self.runner.run($0) }) { desk.finished(assignment) }
            next = desk.next()
        }
    }
}
