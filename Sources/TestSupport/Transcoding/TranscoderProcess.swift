package import CallEvents
package import Kafka

extension StageProcess {
    /// An instance of audio-transcoder; not started.
    /// - Parameters:
    ///   - number: of the instance, and of its identity in the group.
    ///   - kafka: its properties go into the environment.
    ///   - logFile: where it logs from `info` on.
    package static func transcoder(
        _ number: Int,
        topics: TopicNames,
        kafka: KafkaConfiguration,
        logFile: String
    ) async throws -> StageProcess {
        let adminPort = try await FreePorts.take()
        var environment = [
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrapServers, "VOICE_KAFKA_PROFILE": kafka.profile.rawValue,
            "VOICE_TOPIC_PREFIX": topics.prefix, "VOICE_TOPIC_PARTITIONS": "\(topics.partitions)",
            "VOICE_INSTANCE_ID": "audio-transcoder-\(number)", "ADMIN_PORT": "\(adminPort)",
            "ADMIN_HOST": "127.0.0.1",
        ]
        for (name, value) in kafka.properties {
            environment["KAFKA_" + name.uppercased().split(separator: ".").joined(separator: "_")] = value
        }
        let program = Program("audio-transcoder", environment: environment, logFile: logFile)
        return StageProcess(program: program, adminPort: adminPort)
    }
}
