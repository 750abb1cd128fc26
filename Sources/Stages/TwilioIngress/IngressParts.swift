import AsyncHTTPClient
import CallEvents
import Kafka
import Logging
import NIOCore
import ServiceLifecycle
import StageRuntime
import TwilioMedia

/// What the stage's services are made of, and share.
struct IngressParts: Sendable {
    let configuration: IngressConfiguration
    let context: StageContext
    let metrics = IngressMetrics()
    let http = TwilioHTTPClient()
    let eventProducer: KafkaProducer
    let audioProducer: KafkaProducer
    let registry: StreamRegistry
    let calls: TwilioCalls
    let events: EventWriter
    let claims: Claims
    let opener: CallOpener
    let tokens: StreamToken.Authority
    let documents: StreamDocuments
    let letters: DeadLetters
    let queue: DialQueue
    let drain: StreamDrain

    /// - Throws: `KafkaError` with code `configuration`.
    init(_ configuration: IngressConfiguration, context: StageContext) throws {
        self.configuration = configuration
        self.context = context
        self.eventProducer = try KafkaProducer(.events, configuration: context.kafka, logger: context.logger)
        self.audioProducer = try KafkaProducer(
            .audio,
            gatheringEvery: .milliseconds(5),
            reportsDeliveries: false,
            configuration: context.kafka,
            logger: context.logger
        )
        self.registry = StreamRegistry(active: self.metrics.streamsActive)
        self.calls = TwilioCalls(
            client: self.http.client,
            configuration: configuration,
            metrics: self.metrics,
            logger: context.logger
        )
        self.events = EventWriter(
            producer: self.eventProducer,
            topics: context.topics,
            stage: context.stage,
            instanceID: context.instanceID
        )
        self.claims = Claims(context: context, producer: self.eventProducer, callLimit: configuration.longestCall)
        self.opener = CallOpener(claims: self.claims, events: self.events)
        self.tokens = StreamToken.Authority(authTokens: configuration.authTokens)
        self.documents = StreamDocuments(publicURL: configuration.publicURL, tokens: self.tokens)
        self.letters = DeadLetters(
            producer: self.eventProducer,
            topics: context.topics,
            stage: context.stage,
            logger: context.logger
        )
        self.queue = DialQueue(callsPerSecond: configuration.twilioCallsPerSecond, maxWait: CallDialer.patience)
        self.drain = StreamDrain(limit: configuration.drainLimit, context: context)
    }

    var outboundFrames: OutboundFrames {
        OutboundFrames(
            context: self.context,
            registry: self.registry,
            deadLetters: self.letters,
            metrics: self.metrics
        )
    }

    var clock: StreamClock {
        StreamClock(
            registry: self.registry,
            live: self.audioProducer,
            topic: self.context.topics[.live],
            silence: self.configuration.streamSilence,
            hasComfortTone: self.configuration.hasComfortTone,
            logger: self.context.logger
        )
    }

    private var streams: MediaStreamServer {
        MediaStreamServer(
            instanceID: self.context.instanceID,
            outboundPartition: KeyPartition.of(self.context.instanceID, count: self.context.topics.partitions),
            inboundTopic: self.context.topics[
                self.configuration.audioPath == .passthrough ? .audioInboundModel : .audioInboundPhone
            ],
            tokens: self.tokens,
            registry: self.registry,
            audio: self.audioProducer,
            events: self.events,
            calls: self.calls,
            claims: self.claims,
            silence: self.configuration.streamSilence,
            metrics: self.metrics,
            logger: self.context.logger
        )
    }

    var webhooks: TwilioWebhooks {
        TwilioWebhooks(
            publicURL: self.configuration.publicURL,
            signature: TwilioSignature(authTokens: self.configuration.authTokens),
            calls: CallWebhooks(
                documents: self.documents,
                audioPath: self.configuration.audioPath,
                maxCalls: self.configuration.maxCalls,
                calls: self.calls,
                claims: self.claims,
                opener: self.opener,
                events: self.events,
                registry: self.registry,
                health: self.context.health,
                logger: self.context.logger
            ),
            health: self.context.health,
            streams: self.streams,
            drain: self.drain,
            logger: self.context.logger
        )
    }

    var voiceAPI: VoiceAPI {
        VoiceAPI(
            tokens: self.configuration.apiTokens,
            audioPath: self.configuration.audioPath,
            destinations: self.configuration.destinations,
            limiter: RateLimiter(perMinute: self.configuration.callsPerMinute),
            callsPerMinute: self.configuration.callsPerMinute,
            dialer: CallDialer(
                claims: self.claims,
                opener: self.opener,
                calls: self.calls,
                queue: self.queue,
                maxCalls: self.configuration.maxCalls,
                health: self.context.health,
                logger: self.context.logger
            )
        )
    }

    var control: CallControlAPI {
        CallControlAPI(
            tokens: self.configuration.apiTokens,
            calls: self.calls,
            events: self.events,
            logger: self.context.logger
        )
    }

    var commands: TelephonyCommands {
        TelephonyCommands(
            context: self.context,
            runner: TelephonyCommandRunner(
                calls: self.calls,
                claims: self.claims,
                events: self.events,
                documents: self.documents,
                deadLetters: self.letters,
                logger: self.context.logger
            ),
            rejoinAfter: self.configuration.rejoinAfter
        )
    }
}

/// The connections to Twilio's REST API; the last to go at shutdown.
struct TwilioHTTPClient: Service {
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
