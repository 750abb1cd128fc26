import CallEvents
import Foundation
import Kafka
import Logging
import ResultsStore
import StageRuntime
import StoredCalls
import TestSupport

/// One results-sink process with all records before it.
struct SinkRun: Sendable {
    var name: String
    var databaseURL: String
    var topics: TopicNames
    var kafka: KafkaConfiguration
    var logger: Logger

    /// - Returns: whether every row is as it must be.
    func measure(calls: Int, turns: Int, atOnce: Int) async throws -> Bool {
        let records = try await self.produce(
            StoredCalls(calls, turns: turns, atOnce: atOnce, topics: self.topics, isDisturbed: false)
        )
        let store = try DatabaseStore(DatabaseURL(self.databaseURL))
        // Makes the tables.
        _ = try await store.positions()
        let stage = try await StageUnderLoad(
            "results-sink",
            kafka: self.kafka,
            topics: self.topics,
            environment: [
                "DATABASE_URL": self.databaseURL, "HTTP_HOST": "127.0.0.1", "HTTP_PORT": "0",
                "VOICE_ALLOW_ANONYMOUS": "true",
            ]
        )
        return try await stage.whileRunning { probe in
            let values = try await self.drain(store, records, probe)
            let batches = try await stage.process.metric("voice_store_write_seconds_count")
            let isExact = try await self.isExact(store)
            ResultLine.print(
                "sink/\(self.name)",
                values + [("batches", batches), ("calls", Double(calls)), ("exact", isExact ? 1 : 0)]
            )
            return isExact
        }
    }

    /// - Returns: how many records there are.
    private func produce(_ calls: StoredCalls) async throws -> Int {
        let admin = KafkaAdmin(configuration: self.kafka, logger: self.logger)
        try await admin.ensure(
            TopicCatalog.specifications(self.topics, audio: .minutes),
            timeout: .seconds(60)
        )
        let producer = try KafkaProducer(.events, configuration: self.kafka, logger: self.logger)
        let outside = RunningServices([producer])
        var rest = calls.messages[...]
        while !rest.isEmpty {
            let part = Array(rest.prefix(2_000))
            rest = rest.dropFirst(part.count)
            try await producer.deliver(part)
        }
        try await outside.stop()
        return calls.messages.count
    }

    /// Waits until the last record is stored.
    private func drain(
        _ store: DatabaseStore,
        _ records: Int,
        _ probe: ProcessProbe
    ) async throws -> [(String, Double)] {
        func stored() async throws -> Int { Int(try await store.positions().values.reduce(0, +)) }
        let before = try await eventually(
            "the first records are stored",
            timeout: .seconds(60),
            every: .milliseconds(5)
        ) {
            let count = try await stored()
            return count > 0 ? count : nil
        }
        let start = Clock.nanoseconds
        try await eventually("all records are stored", timeout: .seconds(120), every: .milliseconds(20)) {
            try await stored() == records
        }
        let seconds = Double(Clock.nanoseconds - start) / 1e9
        return [
            ("records", Double(records)), ("seconds", seconds),
            ("records_per_second", Double(records - before) / seconds),
            ("cpu_ms_per_record", probe.processorTime * 1_000 / Double(records)),
            ("resident_mib", Double(probe.residentBytes) / 1_048_576),
        ]
    }

    private func isExact(_ store: DatabaseStore) async throws -> Bool {
        let path = NSTemporaryDirectory() + "/voice-bench-undisturbed-\(UInt32.random(in: 0 ... .max)).sqlite"
        defer { for end in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + end) } }
        let undisturbed = try await UndisturbedStore(of: self.topics, kafka: self.kafka, path: path)
        let differences = try await undisturbed.differences(from: store)
        for difference in differences.prefix(10) { self.logger.error("Not as it must be: \(difference)") }
        return differences.isEmpty
    }
}
