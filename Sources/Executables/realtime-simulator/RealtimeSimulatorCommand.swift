import ArgumentParser
import Foundation
import Logging
import NIOCore
import RealtimeSimulator
import ServiceLifecycle
import UnixSignals

@main
struct RealtimeSimulatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "realtime-simulator",
        abstract: "Plays OpenAI's Realtime API on a loopback port, by a script."
    )

    @Option(help: "The port to listen on; 0 takes a free one.")
    var port = 4020

    @Option(help: "The bearer key to accept (environment: OPENAI_API_KEY); without one, any.")
    var apiKey: String?

    @Option(help: "A JSON file with rules and faults; without one, the demo's conversation.")
    var script: String?

    @Option(help: "trace, debug, info, notice, warning, error or critical.")
    var logLevel: String = "warning"

    func run() async throws {
        // Fewer event loops than cores: each that is woken finds more to do.
        NIOSingletons.groupLoopCountSuggestion = max(1, System.coreCount / 4)
        var logger = Logger(label: "realtime-simulator", factory: { StreamLogHandler.standardError(label: $0) })
        logger.logLevel = Logger.Level(rawValue: self.logLevel) ?? .warning

        var configuration = RealtimeSimulator.Configuration()
        configuration.port = self.port
        configuration.apiKey = self.apiKey ?? ProcessInfo.processInfo.environment["OPENAI_API_KEY"]
        if let file = self.script { configuration.script = try Script(contentsOf: file) }

        let simulator = RealtimeSimulator(configuration: configuration, logger: logger)
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: simulator, serviceName: "realtime-simulator"),
                    .init(service: Announcement(simulator: simulator), serviceName: "announcement"),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger
            )
        )
        try await group.run()
    }
}

/// Prints the address for whoever started this.
private struct Announcement: Service {
    let simulator: RealtimeSimulator

    func run() async throws {
        let port = await self.simulator.port
        if port != 0 {
            print("listening on 127.0.0.1:\(port)")
            // Whoever reads it through a pipe waits for it.
            fflush(nil)
        }
        try await gracefulShutdown()
    }
}
