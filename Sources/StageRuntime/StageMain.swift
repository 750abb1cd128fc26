import CallEvents
import CoreMetrics
import FoundationEssentials
import Kafka
import Logging
import NIOCore
import ServiceLifecycle
import UnixSignals

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#else
    import Darwin
#endif

/// Runs a stage as a process: `--help`, configuration (all problems at once, exit code 78), logging, metrics, the admin
/// server with `/healthz`, `/readyz` and `/metrics`, topics (created or checked), the stage's services, and a graceful
/// shutdown on SIGTERM and SIGINT; a second of them ends the stage's drain.
package enum StageMain {
    /// As in `sysexits.h`.
    enum ExitCode: Int32 {
        case success = 0
        case failure = 1
        case usage = 64
        case configuration = 78
    }

    /// How long services may take to finish their work, the stage's drain apart, before they are cancelled.
    static let shutdownLimit = Duration.seconds(25)

    package static func run<S: Stage>(_ stage: S.Type) async -> Never {
        Self.limitEventLoops()
        let code = await Self.run(
            stage,
            arguments: Array(CommandLine.arguments.dropFirst()),
            environment: ProcessInfo.processInfo.environment
        )
        exit(code.rawValue)
    }

    /// Fewer event loops than cores: each that is woken finds more to do. One carries hundreds of calls' sockets.
    private static func limitEventLoops() {
        // Whoever runs the stage may know better.
        guard getenv("NIO_SINGLETON_GROUP_LOOP_COUNT") == nil else { return }
        NIOSingletons.groupLoopCountSuggestion = max(1, System.coreCount / 4)
    }

    private static func run<S: Stage>(
        _ stage: S.Type,
        arguments: [String],
        environment: [String: String]
    ) async -> ExitCode {
        switch Self.prepare(stage, arguments: arguments, environment: environment) {
        case .print(let text):
            print(text, terminator: "")
            return .success
        case .refuse(let code, let text):
            StageLogHandler.writeToStandardError(text)
            return code
        case .run(let common, let configuration):
            LoggingSystem.bootstrap { label in
                StageLogHandler(label: label, format: common.logFormat, level: common.logLevel)
            }
            let metrics = MetricsRegistry()
            MetricsSystem.bootstrap(metrics)
            return await Self.run(stage, common, configuration, metrics: metrics, logger: Logger(label: S.name))
        }
    }

    /// What the arguments and the environment ask for.
    enum Decision<Configuration> {
        case print(String)
        case refuse(ExitCode, String)
        case run(CommonConfiguration, Configuration)
    }

    static func prepare<S: Stage>(
        _ stage: S.Type,
        arguments: [String],
        environment: [String: String]
    ) -> Decision<S.Configuration> {
        var settings = Settings(environment: environment)
        let configuration = S.configure(&settings)
        let common = CommonConfiguration(&settings, adminPort: S.adminPort)
        if arguments.contains("--help") || arguments.contains("-h") {
            return .print(StageHelp.text(name: S.name, summary: S.summary, variables: settings.variables))
        }
        if let unknown = arguments.first {
            return .refuse(
                .usage,
                "\(S.name): unknown argument \(unknown). It is configured by the environment; see \(S.name) --help.\n"
            )
        }
        guard settings.problems.isEmpty else {
            let lines = settings.problems.map { "\(S.name): \($0)\n" }.joined()
            return .refuse(.configuration, lines)
        }
        return .run(common, configuration)
    }

    private static func run<S: Stage>(
        _ stage: S.Type,
        _ common: CommonConfiguration,
        _ configuration: S.Configuration,
        metrics: MetricsRegistry,
        logger: Logger
    ) async -> ExitCode {
        let health = Health()
        let stopNow = StopNow()
        let context = StageContext(
            stage: S.name,
            instanceID: common.kafka.instanceID,
            topics: common.topics,
            kafka: common.kafka,
            logger: logger,
            health: health,
            stopNow: stopNow
        )
        health.require(StageService.topicsCheck)
        let admin = AdminServer(
            host: common.adminHost,
            port: common.adminPort,
            health: health,
            metrics: metrics,
            logger: logger
        )
        let topics = StageTopics(common, logger: logger)
        let service = StageService(
            context: context,
            ensureTopics: { try await topics.ensure() },
            makeServices: { try S.services(configuration, context: context) }
        )
        // The admin server is first, so that it still answers while the stage finishes.
        var group = StageServices.configuration([admin, service], logger: logger)
        group.maximumGracefulShutdownDuration = S.drainLimit(configuration) + Self.shutdownLimit
        logger.info("Stage starts", metadata: ["instance": "\(common.kafka.instanceID)"])
        do {
            try await Self.run(ServiceGroup(configuration: group), stopNow: stopNow)
            logger.info("Stage stopped")
            return .success
        } catch let error as KafkaError where error.code == .topics || error.code == .configuration {
            logger.critical("Stage cannot run with this configuration", metadata: [LogKey.error: "\(error)"])
            return .configuration
        } catch let error as KafkaError where error.code == .fenced {
            logger.critical(
                "Another process of this stage has taken this VOICE_INSTANCE_ID, or the broker was out of reach; stopping",
                metadata: ["instance": "\(common.kafka.instanceID)", LogKey.error: "\(error)"]
            )
            return .failure
        } catch {
            logger.critical("Stage failed", metadata: [LogKey.error: "\(error)"])
            return .failure
        }
    }

    /// Runs the services until they end by themselves, or for a signal; the group itself would not hear of a second one.
    private static func run(_ services: ServiceGroup, stopNow: StopNow) async throws {
        let signals = await UnixSignalsSequence(trapping: .sigterm, .sigint)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                var isFirst = true
                for await _ in signals {
                    if isFirst { await services.triggerGracefulShutdown() } else { stopNow.request() }
                    isFirst = false
                }
            }
            try await services.run()
            group.cancelAll()
        }
    }
}
