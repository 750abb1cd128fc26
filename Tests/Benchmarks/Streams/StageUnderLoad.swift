import CallEvents
import Foundation
import Kafka
import TestSupport

/// One of the system's stages as a process of its own, from beside this executable.
struct StageUnderLoad: Sendable {
    let process: StageProcess
    private let logFile: String

    /// Starts it and waits until it is ready.
    /// - Parameters:
    ///   - path: of another build of it.
    ///   - environment: added to what every stage needs.
    init(
        _ name: String,
        path: String? = nil,
        kafka: KafkaConfiguration,
        topics: TopicNames,
        environment: [String: String]
    ) async throws {
        let adminPort = try await FreePorts.take()
        let own = [
            "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrapServers,
            "VOICE_KAFKA_PROFILE": kafka.profile.rawValue,
            "VOICE_TOPIC_PREFIX": topics.prefix,
            "VOICE_TOPIC_PARTITIONS": "\(topics.partitions)",
            "VOICE_INSTANCE_ID": "voice-bench-\(name)",
            "ADMIN_HOST": "127.0.0.1",
            "ADMIN_PORT": "\(adminPort)",
            "LOG_LEVEL": "warning",
        ]
        self.logFile = "/tmp/voice-bench-\(name)-\(ProcessInfo.processInfo.processIdentifier).log"
        let program = Program(
            name,
            path: path,
            environment: own.merging(environment) { $1 },
            logFile: self.logFile
        )
        self.process = StageProcess(program: program, adminPort: adminPort)
        do {
            try await self.process.startAndWait()
        } catch {
            try? await program.kill()
            throw error
        }
    }

    /// Runs `body` and ends the process in any case; what it logged, at warning and above, goes to standard error.
    func whileRunning<Result>(_ body: (ProcessProbe) async throws -> Result) async throws -> Result {
        let program = self.process.program
        do {
            guard let pid = program.pid else { throw StreamsError(description: "\(program.name) has ended") }
            let result = try await body(ProcessProbe(pid: pid))
            try await program.stop()
            FileHandle.standardError.write(Data(program.log().utf8))
            try FileManager.default.removeItem(atPath: self.logFile)
            return result
        } catch {
            try await program.kill()
            FileHandle.standardError.write(Data(program.logTail().utf8))
            throw error
        }
    }
}
