import CallEvents
import Kafka
import NIOPosix
package import ServiceLifecycle
package import StageRuntime
import WebSockets

/// realtime-session: holds the conversation of each call with the model, opened while the phone still rings.
package enum RealtimeSessionStage: Stage {
    package static let name = "realtime-session"
    package static let adminPort = 9103
    package static let summary = "Holds each call's conversation with the OpenAI Realtime model."

    package static func configure(_ settings: inout Settings) -> SessionConfiguration {
        SessionConfiguration(&settings)
    }

    package static func services(
        _ configuration: SessionConfiguration,
        context: StageContext
    ) throws -> [any Service] {
        let events = try KafkaProducer(.events, configuration: context.kafka, logger: context.logger)
        let audio = try KafkaProducer(
            .audio,
            gatheringEvery: .milliseconds(2),
            reportsDeliveries: false,
            configuration: context.kafka,
            logger: context.logger
        )
        let clears = try KafkaProducer(
            .audio,
            reportsDeliveries: false,
            configuration: context.kafka,
            logger: context.logger
        )
        let metrics = SessionMetrics()
        var socket = WebSocketClient.Configuration()
        socket.trustedRootsFile = configuration.trustedRootsFile
        let eventLoops = MultiThreadedEventLoopGroup.singleton
        let environment = PartitionSessions.Environment(
            topics: context.topics,
            kafka: context.kafka,
            outputs: SessionOutputs(
                events: events,
                audio: audio,
                clears: clears,
                topics: context.topics,
                metrics: metrics
            ),
            client: WebSocketClient(configuration: socket, eventLoopGroup: eventLoops),
            watch: SilenceWatch(limit: configuration.silenceLimit),
            eventLoops: eventLoops,
            limits: AccountLimits(),
            configuration: configuration,
            metrics: metrics,
            instance: context.instanceID,
            source: "\(self.name)/\(context.instanceID)",
            logger: context.logger
        )
        let service = SessionService(
            consumer: try KafkaConsumer(
                self.subscription(context),
                configuration: context.kafka,
                logger: context.logger
            ),
            deadLetters: DeadLetters(
                producer: events,
                topics: context.topics,
                stage: self.name,
                logger: context.logger
            ),
            environment: environment,
            health: context.health
        )
        return [events, audio, clears, service]
    }

    /// The partitions of the audio follow those of the commands.
    static func subscription(_ context: StageContext) -> KafkaConsumer.Subscription {
        let topics = context.topics
        return KafkaConsumer.Subscription(
            group: context.group,
            topics: [topics[.commands]],
            companions: [topics[.audioInboundModel]],
            endWhenOutOfRange: [topics[.audioInboundModel]],
            // A tenth of the processor time at 200 calls.
            gatheringEvery: .milliseconds(3)
        )
    }
}
