import CallEvents
import Foundation
import Kafka
import TestSupport

/// A twilio-ingress of its own, from beside this executable, without a Twilio: its streams come from `PhoneSide`.
struct IngressProcess: Sendable {
    static let instance = "voice-bench-ingress"
    static let authToken = "voice-bench"

    let stage: StageProcess
    let port: Int
    let logFile: String

    /// Starts it and waits until it is ready.
    /// - Parameter environment: added to what it needs; `INGRESS` is the path of another executable.
    init(_ kafka: KafkaConfiguration, topics: TopicNames, environment: [String: String]) async throws {
        let port = try await FreePorts.take()
        let adminPort = try await FreePorts.take()
        let own = [
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrapServers,
            "VOICE_KAFKA_PROFILE": kafka.profile.rawValue,
            "VOICE_TOPIC_PREFIX": topics.prefix,
            "VOICE_TOPIC_PARTITIONS": "\(topics.partitions)",
            "VOICE_INSTANCE_ID": Self.instance,
            "VOICE_ALLOW_ANONYMOUS": "true",
            "HTTP_HOST": "127.0.0.1",
            "HTTP_PORT": "\(port)",
            "ADMIN_HOST": "127.0.0.1",
            "ADMIN_PORT": "\(adminPort)",
            "PUBLIC_URL": "http://127.0.0.1:\(port)",
            "TWILIO_ACCOUNT_SID": PhoneStream.accountSid,
            "TWILIO_AUTH_TOKEN": Self.authToken,
            "TWILIO_PHONE_NUMBER": "+15550000000",
            "TWILIO_CALLS_PER_SECOND": "100",
            "VOICE_CALLS_PER_MINUTE": "10000",
            "VOICE_MAX_CALLS": "10000",
            "LOG_LEVEL": "warning",
        ]
        self.port = port
        self.logFile = "/tmp/voice-bench-ingress-\(ProcessInfo.processInfo.processIdentifier).log"
        let program = Program(
            "twilio-ingress",
            path: environment["INGRESS"],
            environment: own.merging(environment) { $1 },
            logFile: self.logFile
        )
        self.stage = StageProcess(program: program, adminPort: adminPort)
        do {
            try await self.stage.startAndWait()
        } catch {
            try? await program.kill()
            throw error
        }
    }

    /// Ends it.
    /// - Returns: what it logged, at warning and above.
    func stop() async throws -> String {
        try await self.stage.program.stop()
        let log = self.stage.program.log()
        try FileManager.default.removeItem(atPath: self.logFile)
        return log
    }
}
