package import Logging
package import ServiceLifecycle

/// Services that run inside the test process, as a stage's process would run them.
package struct RunningServices: Sendable {
    private let group: ServiceGroup
    private let task: Task<Void, any Error>

    package init(_ services: [any Service], logger: Logger = .quiet) {
        let group = ServiceGroup(
            configuration: ServiceGroupConfiguration(
                services: services.map {
                    ServiceGroupConfiguration.ServiceConfiguration(
                        service: $0,
                        successTerminationBehavior: .gracefullyShutdownGroup
                    )
                },
                logger: logger
            )
        )
        self.group = group
        self.task = Task { try await group.run() }
    }

    /// As SIGTERM does; returns when all services have ended.
    /// - Throws: what a service ended with.
    package func stop() async throws {
        await self.group.triggerGracefulShutdown()
        try await self.task.value
    }

    /// Ends the services wherever they are.
    package func crash() async {
        self.task.cancel()
        _ = await self.task.result
    }
}
