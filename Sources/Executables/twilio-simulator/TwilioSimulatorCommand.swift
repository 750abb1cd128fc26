import ArgumentParser
import Foundation
import Logging
import NIOCore
import ServiceLifecycle
import TwilioSimulator
import UnixSignals

/// Configures the simulator and runs it until SIGTERM or SIGINT.
@main
struct TwilioSimulatorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "twilio-simulator",
        abstract: "Plays Twilio, and the business that is called, on a port of this machine."
    )

    @Option(help: "Port of the REST API; 0 takes a free one.")
    var port = 4010

    @Option(help: "Account SID (default: TWILIO_ACCOUNT_SID).")
    var accountSid: String?

    @Option(help: "Auth token, for the API and for signatures (default: TWILIO_AUTH_TOKEN).")
    var authToken: String?

    @Option(help: "JSON file that says what happens in which call (default: the demo's conversation).")
    var script: String?

    @Option(help: "Whom Twilio asks for TwiML when a person calls our number (POST /control/calls has them call).")
    var voiceUrl: String?

    @Option(help: "Whom Twilio asks when the voice URL fails.")
    var voiceFallbackUrl: String?

    @Option(help: "Whom Twilio tells the end of a call to our number.")
    var statusCallback: String?

    @Option(help: "Folder for a stereo WAV of each call; it must exist.")
    var recordingDir: String?

    @Option(help: "Log level.")
    var logLevel = "info"

    func run() async throws {
        // Fewer event loops than cores: each that is woken finds more to do.
        NIOSingletons.groupLoopCountSuggestion = max(1, System.coreCount / 4)
        let environment = ProcessInfo.processInfo.environment
        guard let accountSid = self.accountSid ?? environment["TWILIO_ACCOUNT_SID"], !accountSid.isEmpty,
            let authToken = self.authToken ?? environment["TWILIO_AUTH_TOKEN"], !authToken.isEmpty
        else { throw ValidationError("An account SID and an auth token are needed.") }
        guard let logLevel = Logger.Level(rawValue: self.logLevel) else {
            throw ValidationError("The log level is one of \(Logger.Level.allCases.map(\.rawValue)).")
        }
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        var logger = Logger(label: "twilio-simulator")
        logger.logLevel = logLevel
        var configuration = TwilioSimulatorConfiguration(accountSid: accountSid, authToken: authToken)
        configuration.port = self.port
        configuration.recordingDirectory = self.recordingDir
        if let voiceUrl {
            var settings = NumberSettings(voiceURL: voiceUrl)
            settings.voiceFallbackURL = self.voiceFallbackUrl
            settings.statusCallback = self.statusCallback
            configuration.numberSettings = settings
        }
        if let script { configuration.script = try SimulationScript(contentsOf: script) }
        let simulator = try TwilioSimulator(configuration: configuration, logger: logger)
        let group = ServiceGroup(
            configuration: .init(
                services: [
                    .init(service: simulator, serviceName: "twilio-simulator"),
                    .init(
                        service: Announcement(simulator: simulator),
                        successTerminationBehavior: .ignore,
                        serviceName: "announcement"
                    ),
                ],
                gracefulShutdownSignals: [.sigterm, .sigint],
                logger: logger
            )
        )
        try await group.run()
    }
}

/// Says on standard output where the simulator listens.
struct Announcement: Service {
    let simulator: TwilioSimulator

    func run() async throws {
        let port = try await self.simulator.waitForPort()
        // Whoever started us waits for this line, so it is not left in a buffer.
        try FileHandle.standardOutput.write(contentsOf: Data("listening on 127.0.0.1:\(port)\n".utf8))
    }
}
