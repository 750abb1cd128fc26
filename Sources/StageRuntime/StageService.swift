import Kafka
import Logging
import ServiceLifecycle

/// A stage's life behind its admin server: waits for its topics, makes its services and runs them in their order.
struct StageService: Service {
    /// A check of `/readyz` that every stage has.
    static let topicsCheck = "kafka-topics"

    let context: StageContext
    /// Creates or checks the topics once; `KafkaAdmin.ensure` in production.
    let ensureTopics: @Sendable () async throws -> Void
    let makeServices: @Sendable () throws -> [any Service]
    /// How long to wait after a broker did not answer.
    var retryDelay = Duration.seconds(2)

    func run() async throws {
        let health = self.context.health
        health.require(Self.topicsCheck)
        try await withGracefulShutdownHandler {
            // Nothing to drain yet: a shutdown just ends the waiting.
            let isReady = try await cancelWhenGracefulShutdown { try await self.waitForTopics() }
            guard isReady else { return }
            let services = try self.makeServices()
            health.set(Self.topicsCheck, ready: true)
            try await StageServices.group(services, logger: self.context.logger).run()
        } onGracefulShutdown: {
            health.shutDown()
        }
    }

    /// - Returns: false when the stage was told to stop meanwhile.
    private func waitForTopics() async throws -> Bool {
        let start = ContinuousClock.now
        while true {
            do {
                try await self.ensureTopics()
                return true
            } catch let error as KafkaError where error.code == .topics || error.code == .configuration {
                throw error
            } catch {
                if Task.isCancelled { return false }
                self.context.logger.warning(
                    "Kafka is not ready; trying on",
                    metadata: [
                        LogKey.error: "\(error)",
                        "kafka.servers": "\(self.context.kafka.bootstrapServers)",
                        "waited": "\((ContinuousClock.now - start).components.seconds) s",
                    ]
                )
                guard (try? await Task.sleep(for: self.retryDelay)) != nil else { return false }
            }
        }
    }
}

/// How services of a process are run: one that fails or returns stops the others in order, so that producers flush.
enum StageServices {
    static func group(_ services: [any Service], logger: Logger) -> ServiceGroup {
        ServiceGroup(configuration: Self.configuration(services, logger: logger))
    }

    static func configuration(_ services: [any Service], logger: Logger) -> ServiceGroupConfiguration {
        ServiceGroupConfiguration(
            services: services.map {
                ServiceGroupConfiguration.ServiceConfiguration(
                    service: $0,
                    successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup,
                    serviceName: "\(type(of: $0))"
                )
            },
            logger: logger
        )
    }
}
