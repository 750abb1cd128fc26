import TestSupport
import TwilioSimulator

@testable import TwilioIngress

extension Ingress {
    /// Like `run`, with the simulator, which is as strict as Twilio, in the stand-in's place.
    static func runWithSimulator(
        _ script: CallScript,
        callsPerSecond: Double? = nil,
        adjust: (inout IngressConfiguration) -> Void = { _ in },
        body: (TwilioSimulator, Ingress) async throws -> Void
    ) async throws {
        var settings = TwilioSimulatorConfiguration(accountSid: Ingress.accountSid, authToken: Ingress.authToken)
        settings.script = SimulationScript(fallback: script, callsPerSecond: callsPerSecond)
        settings.ownedNumbers = ["+15005550006"]
        let simulator = try TwilioSimulator(configuration: settings, logger: .quiet)
        let running = RunningServices([simulator])
        let simulatorPort = try await simulator.waitForPort()
        let port = try await FreePorts.take()
        try await Ingress.run(
            adjust: { configuration in
                configuration.port = port
                configuration.publicURL = PublicURL("http://127.0.0.1:\(port)")!
                configuration.twilioAPIURL = "http://127.0.0.1:\(simulatorPort)"
                adjust(&configuration)
            },
            body: { try await body(simulator, $0) }
        )
        try await running.stop()
    }
}
