import CallEvents
import Kafka
import Logging
import ServiceLifecycle
import Synchronization
import Testing

@testable import StageRuntime

@Suite(.timeLimit(.minutes(1)))
struct StageServiceTests {
    private struct Waiting: Service {
        let log: Log
        let name: String

        func run() async throws {
            self.log.add("\(self.name) runs")
            try await gracefulShutdown()
            self.log.add("\(self.name) stopped")
        }
    }

    private struct Failing: Service {
        struct Failure: Error {}

        func run() async throws { throw Failure() }
    }

    final class Log: Sendable {
        private let lines = Mutex<[String]>([])

        var all: [String] { self.lines.withLock { $0 } }

        func add(_ line: String) { self.lines.withLock { $0.append(line) } }
    }

    private static func context(_ health: Health) -> StageContext {
        var logger = Logger(label: "test")
        logger.logLevel = .critical
        return StageContext(
            stage: "example",
            instanceID: "one",
            topics: TopicNames(),
            kafka: KafkaConfiguration(instanceID: "one"),
            logger: logger,
            health: health
        )
    }

    private static func run(_ service: StageService, body: (ServiceGroup) async throws -> Void) async throws {
        let group = ServiceGroup(services: [service], logger: service.context.logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            try await body(group)
            try await tasks.waitForAll()
        }
    }

    @Test func `a broker that is away is waited for, not ready meanwhile, and the stage then runs`() async throws {
        let health = Health()
        let log = Log()
        let attempts = Mutex(0)
        let service = StageService(
            context: Self.context(health),
            ensureTopics: {
                let attempt = attempts.withLock { count in
                    count += 1
                    return count
                }
                #expect(health.waitingFor == [StageService.topicsCheck])
                if attempt < 3 { throw KafkaError(.timedOut, "nobody there") }
            },
            makeServices: { [Waiting(log: log, name: "first"), Waiting(log: log, name: "second")] },
            retryDelay: .milliseconds(1)
        )
        try await Self.run(service) { group in
            while log.all.count < 2 { try await Task.sleep(for: .milliseconds(1)) }
            #expect(attempts.withLock { $0 } == 3)
            #expect(health.waitingFor.isEmpty && !health.isShuttingDown)
            await group.triggerGracefulShutdown()
        }
        #expect(log.all.suffix(2) == ["second stopped", "first stopped"])
        #expect(health.waitingFor == [Health.runningCheck])
        #expect(health.isShuttingDown)
    }

    @Test func `a shutdown ends the waiting for the broker`() async throws {
        let asked = Log()
        let service = StageService(
            context: Self.context(Health()),
            ensureTopics: {
                asked.add("asked")
                throw KafkaError(.timedOut, "nobody there")
            },
            makeServices: { [] },
            retryDelay: .seconds(600)
        )
        try await Self.run(service) { group in
            while asked.all.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
            await group.triggerGracefulShutdown()
        }
    }

    @Test func `wrong partition counts stop the stage`() async throws {
        let service = StageService(
            context: Self.context(Health()),
            ensureTopics: { throw KafkaError(.topics, "voice.events has 3 partitions, expected 12") },
            makeServices: { [] }
        )
        let error = await #expect(throws: KafkaError.self) { try await Self.run(service) { _ in } }
        #expect(error?.code == .topics)
    }

    @Test func `a service that fails stops the others and is what is reported`() async throws {
        let log = Log()
        let service = StageService(
            context: Self.context(Health()),
            ensureTopics: {},
            makeServices: { [Waiting(log: log, name: "producer"), Failing()] }
        )
        await #expect(throws: Failing.Failure.self) { try await Self.run(service) { _ in } }
        #expect(log.all.last == "producer stopped")
    }
}
