import AsyncHTTPClient
import CallEvents
import Hummingbird
import Kafka
import Logging
import NIOCore
package import ServiceLifecycle
package import StageRuntime
import TwilioMedia
import WebSockets

/// The stage that Twilio and API clients talk to.
package enum TwilioIngressStage: Stage {
    package static let name = "twilio-ingress"
    package static let adminPort = 9101
    package static let summary = "Places calls through Twilio and carries their Media Streams to and from Kafka."

    /// Twilio's messages are below 1 KiB.
    private static let maxMessageBytes = 64 << 10

    package static func configure(_ settings: inout Settings) -> IngressConfiguration {
        IngressConfiguration(&settings)
    }

    package static func services(
        _ configuration: IngressConfiguration,
        context: StageContext
    ) throws -> [any Service] {
        try self.services(configuration, context: context) { _ in }
    }

    package static func drainLimit(_ configuration: IngressConfiguration) -> Duration { configuration.drainLimit }

    /// - Parameter onBound: called with the HTTP port when the server listens.
    package static func services(
        _ configuration: IngressConfiguration,
        context: StageContext,
        onBound: @escaping @Sendable (Int) -> Void
    ) throws -> [any Service] {
        let logger = context.logger
        let metrics = IngressMetrics()
        let http = TwilioHTTPClient()
        let eventProducer = try KafkaProducer(.events, configuration: context.kafka, logger: logger)
        let audioProducer = try KafkaProducer(
            .audio,
            gatheringEvery: .milliseconds(5),
            reportsDeliveries: false,
            configuration: context.kafka,
            logger: logger
        )
        let registry = StreamRegistry(active: metrics.streamsActive)
        let calls = TwilioCalls(client: http.client, configuration: configuration, metrics: metrics, logger: logger)
        let events = EventWriter(
            producer: eventProducer,
            topics: context.topics,
            stage: context.stage,
            instanceID: context.instanceID
        )
        let drain = StreamDrain(limit: configuration.drainLimit, context: context)
        let claims = Claims(context: context, producer: eventProducer, callLimit: configuration.longestCall)
        let opener = CallOpener(claims: claims, events: events)
        let tokens = StreamToken.Authority(authTokens: configuration.authTokens)
        let documents = StreamDocuments(publicURL: configuration.publicURL, tokens: tokens)
        let streams = MediaStreamServer(
            instanceID: context.instanceID,
            outboundPartition: KeyPartition.of(context.instanceID, count: context.topics.partitions),
            inboundTopic: context.topics[
                configuration.audioPath == .passthrough ? .audioInboundModel : .audioInboundPhone
            ],
            tokens: tokens,
            registry: registry,
            audio: audioProducer,
            events: events,
            calls: calls,
            claims: claims,
            silence: configuration.streamSilence,
            metrics: metrics,
            logger: logger
        )
        let clock = StreamClock(
            registry: registry,
            live: audioProducer,
            topic: context.topics[.live],
            silence: configuration.streamSilence,
            logger: logger
        )
        let webhooks = TwilioWebhooks(
            publicURL: configuration.publicURL,
            signature: TwilioSignature(authTokens: configuration.authTokens),
            calls: CallWebhooks(
                documents: documents,
                audioPath: configuration.audioPath,
                maxCalls: configuration.maxCalls,
                calls: calls,
                claims: claims,
                opener: opener,
                events: events,
                registry: registry,
                health: context.health,
                logger: logger
            ),
            health: context.health,
            streams: streams,
            drain: drain,
            logger: logger
        )
        let queue = DialQueue(callsPerSecond: configuration.twilioCallsPerSecond, maxWait: CallDialer.patience)
        let api = VoiceAPI(
            tokens: configuration.apiTokens,
            audioPath: configuration.audioPath,
            destinations: configuration.destinations,
            limiter: RateLimiter(perMinute: configuration.callsPerMinute),
            callsPerMinute: configuration.callsPerMinute,
            dialer: CallDialer(
                claims: claims,
                opener: opener,
                calls: calls,
                queue: queue,
                maxCalls: configuration.maxCalls,
                health: context.health,
                logger: logger
            )
        )
        let letters = DeadLetters(
            producer: eventProducer,
            topics: context.topics,
            stage: context.stage,
            logger: logger
        )
        let control = CallControlAPI(tokens: configuration.apiTokens, calls: calls, events: events, logger: logger)
        let commands = TelephonyCommands(
            context: context,
            runner: TelephonyCommandRunner(
                calls: calls,
                claims: claims,
                events: events,
                documents: documents,
                deadLetters: letters,
                logger: logger
            ),
            rejoinAfter: configuration.rejoinAfter
        )
        return [
            http, eventProducer, audioProducer, claims, queue,
            OutboundFrames(context: context, registry: registry, deadLetters: letters, metrics: metrics),
            clock,
            self.server(
                configuration,
                api: api,
                control: control,
                webhooks: webhooks,
                logger: logger,
                onBound: onBound
            ),
            // Services stop from the last to the first: the commands go to another instance at once, and while the drain
            // waits, all others go on.
            drain, commands,
        ]
    }

    private static func server(
        _ configuration: IngressConfiguration,
        api: VoiceAPI,
        control: CallControlAPI,
        webhooks: TwilioWebhooks,
        logger: Logger,
        onBound: @escaping @Sendable (Int) -> Void
    ) -> HTTPServer {
        let router = Router(context: BasicRequestContext.self)
        router.add(middleware: ProblemMiddleware())
        api.addRoutes(to: router)
        control.addRoutes(to: router)
        webhooks.addRoutes(to: router)
        return HTTPServer(
            host: configuration.host,
            port: configuration.port,
            router: router,
            maxWebSocketMessageBytes: Self.maxMessageBytes,
            webSocketsOnEventLoop: true,
            logger: logger,
            onBound: { port in
                logger.info("Listening for HTTP and Media Streams", metadata: ["port": "\(port)"])
                onBound(port)
            },
            upgrade: { webhooks.upgrade($0) }
        )
    }
}

/// The connections to Twilio's REST API; the last to go at shutdown.
private struct TwilioHTTPClient: Service {
    let client: HTTPClient

    init() {
        var configuration = HTTPClient.Configuration(redirectConfiguration: .disallow)
        configuration.timeout.connect = .seconds(5)
        configuration.httpVersion = .http1Only
        // A refused connection must be told from a lost answer.
        configuration.connectionPool.retryConnectionEstablishment = false
        self.client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }

    func run() async throws {
        // Shutdown and cancellation mean the same here.
        try? await gracefulShutdown()
        try await self.client.shutdown()
    }
}
