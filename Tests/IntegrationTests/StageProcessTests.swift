import Foundation
import TestSupport
import Testing

/// What every stage does as a process, tried with the one that needs least.
@Suite(.timeLimit(.minutes(2)))
struct StageProcessTests {
    private func withStage(
        servers: String,
        environment: [String: String] = [:],
        body: (StageProcess) async throws -> Void
    ) async throws {
        let adminPort = try await FreePorts.take()
        let logFile = "/tmp/lifehub-voice-stage-\(adminPort).log"
        defer { try? FileManager.default.removeItem(atPath: logFile) }
        let common = [
            "KAFKA_BOOTSTRAP_SERVERS": servers, "VOICE_KAFKA_PROFILE": "embedded", "VOICE_TOPIC_PARTITIONS": "4",
            "VOICE_INSTANCE_ID": "audio-transcoder-1", "ADMIN_PORT": "\(adminPort)", "ADMIN_HOST": "127.0.0.1",
        ]
        let program = Program("audio-transcoder", environment: common.merging(environment) { $1 }, logFile: logFile)
        let stage = StageProcess(program: program, adminPort: adminPort)
        do {
            try await body(stage)
        } catch {
            print(program.logTail())
            try? await program.kill()
            throw error
        }
        try await program.stop()
    }

    @Test func `a stage whose broker is away says so, is not ready, and stops when asked`() async throws {
        let nobody = try await FreePorts.take()
        try await self.withStage(servers: "127.0.0.1:\(nobody)") { stage in
            try await stage.program.start()
            try await eventually("it says what it waits for", timeout: .seconds(30)) {
                stage.program.log().contains("Kafka is not ready; trying on")
            }
            #expect(try await stage.get("/healthz").status == 200)
            let readiness = try await stage.get("/readyz")
            #expect(readiness.status == 503 && readiness.body.contains("\"kafka-topics\""))
            try await stage.program.stop(limit: .seconds(10))
            #expect(stage.program.exit == .code(0))
        }
    }

    @Test func `a stage becomes ready, also after a kill, and leaves when asked`() async throws {
        let broker = try EmbeddedBroker(partitions: 4)
        try await self.withStage(servers: broker.bootstrapServers, environment: ["LOG_FORMAT": "json"]) { stage in
            try await stage.startAndWait()
            #expect(try await stage.metric("process_cpu_seconds_total") > 0)
            try await stage.killAndRestart()
            try await stage.program.stop(limit: .seconds(20))
            #expect(stage.program.exit == .code(0))
            for line in stage.program.log().split(separator: "\n") {
                _ = try JSONSerialization.jsonObject(with: Data(line.utf8))
            }
        }
        broker.stop()
    }

    @Test func `topics with another number of partitions stop a stage with the numbers`() async throws {
        let broker = try EmbeddedBroker(partitions: 4)
        try await self.withStage(
            servers: broker.bootstrapServers,
            environment: ["VOICE_TOPIC_PARTITIONS": "3"]
        ) { stage in
            try await stage.program.start()
            #expect(try await stage.program.exited() == .code(78))
            let log = stage.program.log()
            #expect(log.contains("voice.events") && log.contains("4") && log.contains("3"))
        }
        broker.stop()
    }
}
