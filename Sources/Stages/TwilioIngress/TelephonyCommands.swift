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

    private let consumer: KafkaConsumer
    private let runner: TelephonyCommandRunner
    private let desk: TelephonyDesk

    init(context: StageContext, runner: TelephonyCommandRunner) throws {
        let consumer = try KafkaConsumer(
            KafkaConsumer.Subscription(group: context.group, topics: [context.topics[.telephony]]),
            configuration: context.kafka,
            logger: context.logger
        )
        self.consumer = consumer
        self.runner = runner
        self.desk = TelephonyDesk(limit: Self.limit) { consumer.store($0, for: $1) }
    }

    func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for try await event in self.consumer {
                switch event {
                case .assigned:
                    break
                case .records(let records):
                    for record in records { self.desk.received(TelephonyWork(record)) }
                    while let task = self.desk.next() { group.addTask { await self.work(from: task) } }
                    await self.desk.waitForRoom(below: Self.waitingLimit, within: Self.waitingPause)
                case .revoked(let partitions):
                    await self.desk.settle(partitions, within: Self.settling)
                case .lost(let partitions):
                    self.desk.drop(partitions)
                }
            }
        }
    }

    /// Does one thing after the other, of whatever call, until there is nothing to start.
    private func work(from first: TelephonyDesk.Assignment) async {
        var next: TelephonyDesk.Assignment? = first
        while let assignment = next {
            if await assignment.carryOut({ try await self.runner.run($0) }) { self.desk.finished(assignment) }
            next = self.desk.next()
        }
    }
}
