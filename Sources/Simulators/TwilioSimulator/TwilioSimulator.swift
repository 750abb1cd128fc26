import AsyncHTTPClient
package import CallEvents
package import Logging
import ServiceLifecycle
import Synchronization
import TwilioMedia
import WebSockets

/// Plays Twilio and the business that is called: the REST API on a port, signed webhooks, TwiML, Media Streams in real
/// time, and a person who speaks recorded sentences, as a script says.
///
/// It is as strict as the real service: what Twilio refuses, warns about or drops is refused, logged as a problem with
/// Twilio's number, or dropped.
package final class TwilioSimulator: Service {
    private let configuration: TwilioSimulatorConfiguration
    private let registry: CallRegistry
    private let tokens: AuthTokens
    private let logger: Logger
    private let bound = Mailbox<Int>()
    private let boundPort = Mutex<Int?>(nil)

    /// - Throws: `Business.UnknownUtterance` when a script names an utterance that does not exist.
    package init(configuration: TwilioSimulatorConfiguration, logger: Logger) throws {
        self.configuration = configuration
        self.logger = logger
        self.tokens = AuthTokens(primary: configuration.authToken)
        self.registry = try CallRegistry(
            accountSid: configuration.accountSid,
            script: configuration.script,
            numberSettings: configuration.numberSettings,
            ownedNumbers: configuration.ownedNumbers,
            utterance: configuration.utterance,
            logger: logger
        )
    }

    /// The port of the REST API; nil until it listens.
    package var port: Int? { self.boundPort.withLock { $0 } }

    /// Waits until the REST API listens.
    /// - Throws: `CancellationError` when the simulator ended or the task was cancelled before.
    package func waitForPort() async throws -> Int {
        if let port = self.port { return port }
        _ = await self.bound.next()
        guard let port = self.port else { throw CancellationError() }
        return port
    }

    /// For calls created from now on.
    package func setScript(_ script: SimulationScript) throws { try self.registry.replace(script: script) }

    /// For calls to `number` created from now on.
    package func setScript(_ script: CallScript, for number: String) throws {
        try self.registry.replace(script: script, for: number)
    }

    /// For calls to the account's numbers from now on.
    package func setNumberSettings(_ settings: NumberSettings?) { self.registry.numberSettings = settings }

    /// A person calls one of the account's numbers.
    /// - Parameters:
    ///   - caller: their number, or `anonymous` for one who withholds it.
    ///   - script: what they say; by default what the script has for their number.
    /// - Throws: `APIError` when the number has no voice URL, or is none.
    package func receiveCall(
        from caller: String = CallRequest.withheld,
        to number: String,
        script: CallScript? = nil
    ) throws -> CallSid {
        try self.registry.receive(from: caller, to: number, script: script).sid
    }

    /// All calls as they are now, newest first.
    package var calls: [CallSnapshot] { self.registry.all.map { self.snapshot($0) } }

    package func call(_ sid: CallSid) -> CallSnapshot? {
        self.registry[sid.rawValue].map { self.snapshot($0) }
    }

    /// A second auth token that the API takes as well, while everything is still signed with the first; nil withdraws it.
    package func setSecondaryAuthToken(_ token: String?) { self.tokens.set(secondary: token) }

    /// The secondary auth token becomes the primary one: from now on it signs, and the API refuses the old one.
    /// - Returns: false when there is none.
    @discardableResult
    package func promoteSecondaryAuthToken() -> Bool { self.tokens.promote() }

    /// The person hangs up.
    package func hangUp(_ sid: CallSid) {
        self.registry[sid.rawValue]?.control.send(.hangUp(.businessHungUp))
    }

    /// The connection of the call's Media Stream breaks, as it does when a script says `dropSocketAtMs`.
    package func dropStream(of sid: CallSid) { self.registry[sid.rawValue]?.stream?.drop() }

    private func snapshot(_ call: SimulatedCall) -> CallSnapshot {
        let directory = self.configuration.recordingDirectory
        return CallSnapshot(
            details: call.details,
            facts: call.log.snapshot,
            recordingPath: directory.map { "\($0)/\(call.sid).wav" }
        )
    }

    /// Runs until graceful shutdown or cancellation; calls that are in progress then end without ceremony.
    package func run() async throws {
        let http = WebhookClient.makeHTTPClient()
        let environment = CallEnvironment(
            accountSid: self.configuration.accountSid,
            tokens: self.tokens,
            webhooks: WebhookClient(http: http, tokens: self.tokens),
            mediaLoops: MediaLoop.all(),
            recordingDirectory: self.configuration.recordingDirectory,
            sayMsPerCharacter: self.configuration.sayMsPerCharacter
        )
        let result: Result<Void, any Error>
        do {
            try await withThrowingTaskGroup { group in
                group.addTask { try await self.server().run() }
                group.addTask { await self.runCalls(environment) }
                group.addTask { await self.registry.receiveScriptedCalls() }
                // The server ends first: by shutdown, or because it cannot listen; all others run until then.
                try await group.next()
                group.cancelAll()
            }
            result = .success(())
        } catch {
            result = .failure(error)
        }
        self.bound.finish()
        try await http.shutdown()
        try result.get()
    }

    private func runCalls(_ environment: CallEnvironment) async {
        await withDiscardingTaskGroup { group in
            while let call = await self.registry.newCalls.next() {
                group.addTask { await CallRunner.run(call, environment: environment) }
            }
            group.cancelAll()
        }
    }

    private func server() -> HTTPServer {
        let api = CallsAPI(
            accountSid: self.configuration.accountSid,
            tokens: self.tokens,
            ownedNumbers: self.configuration.ownedNumbers,
            registry: self.registry
        )
        let router = api.router()
        ControlAPI(registry: self.registry, tokens: self.tokens).addRoutes(to: router)
        return HTTPServer(
            host: self.configuration.host,
            port: self.configuration.port,
            router: router,
            logger: self.logger,
            onBound: { port in
                self.boundPort.withLock { $0 = port }
                self.bound.finish()
                self.registry.startScriptedCalls()
            }
        )
    }
}
