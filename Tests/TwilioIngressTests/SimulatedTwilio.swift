import CallEvents
import JSON
import TestSupport
import Testing
import TwilioSimulator

@testable import TwilioIngress

/// The simulator in the place of Twilio, and instances of the ingress that it calls.
struct SimulatedTwilio: Sendable {
    let simulator: TwilioSimulator
    let port: Int

    static func run(_ script: CallScript, body: (SimulatedTwilio) async throws -> Void) async throws {
        var settings = TwilioSimulatorConfiguration(accountSid: Ingress.accountSid, authToken: Ingress.authToken)
        settings.script = SimulationScript(fallback: script)
        let simulator = try TwilioSimulator(configuration: settings, logger: .quiet)
        let running = RunningServices([simulator])
        try await body(SimulatedTwilio(simulator: simulator, port: try await simulator.waitForPort()))
        try await running.stop()
    }

    /// An instance with a port and a public URL of its own.
    func withIngress(
        ownBroker: EmbeddedBroker? = nil,
        adjust: (inout IngressConfiguration) -> Void = { _ in },
        body: (Ingress) async throws -> Void
    ) async throws {
        let port = try await FreePorts.take()
        try await Ingress.run(
            ownBroker: ownBroker,
            adjust: { configuration in
                configuration.port = port
                configuration.publicURL = PublicURL("http://127.0.0.1:\(port)")!
                configuration.twilioAPIURL = "http://127.0.0.1:\(self.port)"
                adjust(&configuration)
            },
            body: body
        )
    }

    /// Has `ingress` place a call.
    func call(from ingress: Ingress) async throws -> Ingress {
        let answer = try await ingress.initiateCall(
            #"{"phoneNumber":"+15551234567","businessName":"Test Business","userRequest":"Get quote for service"}"#
        )
        return ingress.with(callSid: try #require(answer.json["callSid"]?.stringValue.flatMap(CallSid.init)))
    }

    func snapshot(_ call: Ingress) throws -> CallSnapshot {
        try #require(self.simulator.call(call.callSid))
    }
}

extension CallSnapshot {
    var keysPressed: [String] {
        self.events.compactMap { if case .playedDigits(let digits) = $0 { digits } else { nil } }
    }

    /// What the phone played of the agent, in milliseconds.
    var heardMs: Int {
        self.events.reduce(0) { sum, event in
            if case .agentEnded(let durationMs) = event { sum + durationMs } else { sum }
        }
    }
}
