import CallEvents
import Foundation
import Kafka
import Logging
import ResultsStore
import SeededRandom
import StoredCalls
import Synchronization
import TestSupport
import Testing

/// results-sink processes that are killed, and databases that stop, while thousands of records come: at last every row
/// is as if nothing had happened.
@Suite(.timeLimit(.minutes(5)), .serialized)
struct SinkExactnessTests {
    @Test func `the sink is killed at random moments, on SQLite`() async throws {
        try await SinkWorld.run(sinks: 1) { world in
            try await world.whileRecordsCome {
                for _ in 0..<5 { try await world.killAndRestart(world.sinks[0]) }
            }
        }
    }

    @Test func `one of two sinks is killed at random moments, and the database stops, on PostgreSQL`() async throws {
        try await PostgreSQLServer.run { server in
            try await SinkWorld.run(sinks: 2, database: try await server.create()) { world in
                try await world.whileRecordsCome {
                    for round in 0..<3 { try await world.killAndRestart(world.sinks[round % 2]) }
                    try await server.crash()
                    try await eventually("a sink misses its database", timeout: .seconds(60)) {
                        for sink in world.sinks {
                            if try await sink.get("/readyz").status == 503 { return true }
                        }
                        return false
                    }
                    try await server.start()
                    for sink in world.sinks { try await sink.ready() }
                    try await world.killAndRestart(world.sinks[0])
                }
            }
        }
    }
}

/// A broker, sinks on one database, and the records of many calls.
private struct SinkWorld: Sendable {
    let sinks: [StageProcess]
    private let broker: EmbeddedBroker
    private let directory: String
    private let database: String
    private let calls: StoredCalls

    /// Runs `body`, and then compares what the database holds.
    /// - Parameter database: a URL; default: a file.
    static func run(
        sinks count: Int,
        database: String? = nil,
        body: (SinkWorld) async throws -> Void
    ) async throws {
        let broker = try EmbeddedBroker(partitions: 4)
        defer { broker.stop() }
        let directory = NSTemporaryDirectory() + "lifehub-voice-sink-\(UInt32.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        let url = database ?? "sqlite:///\(directory)/results.sqlite"
        var sinks: [StageProcess] = []
        for number in 1...count {
            sinks.append(try await Self.sink(number, broker, url, "\(directory)/sink-\(number).log"))
        }
        let world = SinkWorld(
            sinks: sinks,
            broker: broker,
            directory: directory,
            database: url,
            calls: try StoredCalls(60, turns: 6, atOnce: 15, topics: broker.topics, isDisturbed: true)
        )
        do {
            for sink in sinks { try await sink.startAndWait() }
            try await body(world)
            try await world.expectExactness()
        } catch {
            for sink in sinks { print("\(sink.name):\n\(sink.program.logTail())") }
            for sink in sinks { try? await sink.program.kill() }
            throw error
        }
        for sink in sinks { try await sink.program.stop() }
    }

    private static func sink(
        _ number: Int,
        _ broker: EmbeddedBroker,
        _ database: String,
        _ logFile: String
    ) async throws -> StageProcess {
        let adminPort = try await FreePorts.take()
        let program = Program(
            "results-sink-\(number)",
            path: "\(Program.buildDirectory)/results-sink",
            environment: [
                "KAFKA_BOOTSTRAP_SERVERS": broker.bootstrapServers,
                "VOICE_KAFKA_PROFILE": "embedded",
                "VOICE_TOPIC_PREFIX": broker.topics.prefix,
                "VOICE_TOPIC_PARTITIONS": "\(broker.topics.partitions)",
                "VOICE_INSTANCE_ID": "results-sink-\(number)",
                "VOICE_ALLOW_ANONYMOUS": "true",
                "ADMIN_HOST": "127.0.0.1",
                "ADMIN_PORT": "\(adminPort)",
                "HTTP_HOST": "127.0.0.1",
                "HTTP_PORT": "0",
                "DATABASE_URL": database,
            ],
            logFile: logFile
        )
        return StageProcess(program: program, adminPort: adminPort)
    }

    /// Produces the records as long as `body` takes, the rest of them behind it.
    func whileRecordsCome(_ body: () async throws -> Void) async throws {
        let producer = try KafkaProducer(.events, configuration: self.broker.configuration(), logger: .quiet)
        let outside = RunningServices([producer])
        let isOver = Flag()
        async let produced: Void = self.produce(producer, until: isOver)
        do {
            try await body()
        } catch {
            isOver.set()
            try? await produced
            throw error
        }
        isOver.set()
        try await produced
        try await outside.stop()
    }

    private func produce(_ producer: KafkaProducer, until isOver: Flag) async throws {
        var rest = self.calls.messages[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(20))
            rest = rest.dropFirst(part.count)
            try await producer.deliver(part)
            // So that there is always something to come.
            if !isOver.isSet { try await Task.sleep(for: .milliseconds(80)) }
        }
    }

    /// Kills it when it is in the middle of what has piled up, and starts it again.
    func killAndRestart(_ sink: StageProcess) async throws {
        try await sink.ready()
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...400)))
        try await sink.program.kill()
        try await sink.program.start()
    }

    private func expectExactness() async throws {
        let undisturbed = try await UndisturbedStore(
            of: self.broker.topics,
            kafka: self.broker.configuration(),
            path: "\(self.directory)/undisturbed.sqlite"
        )
        #expect(undisturbed.callSids.count == 60)
        let store = try DatabaseStore(DatabaseURL(self.database))
        try await eventually("all records are stored", timeout: .seconds(90)) {
            try await undisturbed.isReached(by: store)
        }
        #expect(try await undisturbed.differences(from: store) == [])
        var dead = 0
        for partition in 0..<self.broker.topics.partitions {
            dead += try await self.broker.records(in: self.broker.topics[.deadLetters], partition: partition).count
        }
        // One that was put aside just before a kill is put aside again.
        #expect(dead >= self.calls.poisonous && dead < 3 * self.calls.poisonous)
        #expect(self.calls.poisonous > 0 && self.calls.messages.count > 4_000)
    }
}

private final class Flag: Sendable {
    private let state = Mutex(false)
    var isSet: Bool { self.state.withLock { $0 } }
    func set() { self.state.withLock { $0 = true } }
}
