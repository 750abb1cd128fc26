import CallEvents
import Kafka
import TestSupport

/// A twilio-ingress of its own, without a Twilio: its streams come from `PhoneSide`.
struct IngressProcess: Sendable {
    static let instance = "voice-bench-ingress"
    static let authToken = "voice-bench"

    let stage: StageUnderLoad
    let port: Int

    /// Starts it and waits until it is ready.
    /// - Parameter environment: added to what it needs; `INGRESS` is the path of another executable.
    init(_ kafka: KafkaConfiguration, topics: TopicNames, environment: [String: String]) async throws {
        let port = try await FreePorts.take()
        let own = [
            "VOICE_INSTANCE_ID": Self.instance,
            "VOICE_ALLOW_ANONYMOUS": "true",
            "HTTP_HOST": "127.0.0.1",
            "HTTP_PORT": "\(port)",
            "PUBLIC_URL": "http://127.0.0.1:\(port)",
            "TWILIO_ACCOUNT_SID": PhoneStream.accountSid,
            "TWILIO_AUTH_TOKEN": Self.authToken,
            "TWILIO_PHONE_NUMBER": "+15550000000",
            "TWILIO_CALLS_PER_SECOND": "100",
            "VOICE_CALLS_PER_MINUTE": "10000",
            "VOICE_MAX_CALLS": "10000",
            "VOICE_COMFORT_TONE": "false",
        ]
        self.port = port
        self.stage = try await StageUnderLoad(
            "twilio-ingress",
            path: environment["INGRESS"],
            kafka: kafka,
            topics: topics,
            environment: own.merging(environment) { $1 }
        )
    }
}
