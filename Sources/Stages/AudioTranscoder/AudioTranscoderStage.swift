import CallEvents
import Kafka
package import ServiceLifecycle
package import StageRuntime

/// Converts the audio of all calls between the phone's format and the model's: one frame in, one frame out.
package enum AudioTranscoderStage: Stage {
    /// ## Environment
    /// That of `SilenceGateSettings`.
    package struct Configuration: Sendable {
        /// How long after its last frame a call keeps its partition's offset back: `TranscoderState.defaultHold`.
        package var hold = TranscoderState.defaultHold
        /// nil: everything is forwarded.
        package var silenceGate: SilenceGateSettings?

        package init() {}
    }

    package static let name = "audio-transcoder"
    package static let adminPort = 9102
    package static let summary = "Converts call audio between mu-law at 8 kHz and PCM16 at 24 kHz."

    package static func configure(_ settings: inout Settings) -> Configuration {
        var configuration = Configuration()
        configuration.silenceGate = SilenceGateSettings.read(&settings)
        return configuration
    }

    package static func services(_ configuration: Configuration, context: StageContext) throws -> [any Service] {
        // What it converts was gathered, and goes on at once.
        let audio = try KafkaProducer(.audio, configuration: context.kafka, logger: context.logger)
        let events = try KafkaProducer(.events, configuration: context.kafka, logger: context.logger)
        let consumer = try KafkaConsumer(
            self.subscription(context),
            configuration: context.kafka,
            logger: context.logger
        )
        let transcoder = TranscoderService(
            consumer: consumer,
            producer: audio,
            deadLetters: DeadLetters(
                producer: events,
                topics: context.topics,
                stage: self.name,
                logger: context.logger
            ),
            topics: context.topics,
            hold: configuration.hold,
            silenceGate: configuration.silenceGate,
            health: context.health,
            logger: context.logger
        )
        return [events, audio, transcoder]
    }

    /// Both directions of a call are in the same hands, because the second topic's partitions follow the first's; and a
    /// revoked number then means both.
    static func subscription(_ context: StageContext) -> KafkaConsumer.Subscription {
        let inbound = context.topics[Direction.inbound.source]
        let outbound = context.topics[Direction.outbound.source]
        return KafkaConsumer.Subscription(
            group: context.group,
            topics: [inbound],
            companions: [outbound],
            endWhenOutOfRange: [inbound, outbound],
            // Half the processor time, at 50 calls, for 1.5 ms of delay in the mean; 5 ms would save little more.
            gatheringEvery: .milliseconds(3)
        )
    }
}
