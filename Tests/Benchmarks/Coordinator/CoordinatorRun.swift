import CallEvents
import Foundation
import Kafka
import Logging
import TestSupport

/// One agent-coordinator process with all calls on it, and the one after it.
struct CoordinatorRun: Sendable {
    var calls: Int
    var seconds: Int
    var topics: TopicNames
    var kafka: KafkaConfiguration
    /// Of another build; default: the one beside this program.
    var path: String?
    /// Added to what the stage needs.
    var environment: [String: String]
    var logger: Logger

    private static let events = "voice_events_total"
    private static let active = "voice_calls_active"

    /// - Returns: whether every tool was answered, and every call there after the restart.
    func measure() async throws -> Bool {
        let stage = try await StageUnderLoad(
            "agent-coordinator",
            path: self.path,
            kafka: self.kafka,
            topics: self.topics,
            // The calls are still there when the process is started again.
            environment: ["VOICE_MAX_CALL_SECONDS": "3600"].merging(self.environment) { $1 }
        )
        return try await stage.whileRunning { probe in
            let calls = try CoordinatedCalls(
                self.calls,
                topics: self.topics,
                kafka: self.kafka,
                logger: self.logger
            )
            let values = try await calls.whileListening { try await self.load(stage.process, probe, calls) }
            let (restored, active) = try await self.restart(stage.process)
            ResultLine.print(
                "coordinator",
                values + [("restore_s", restored), ("restored_calls", Double(active))]
            )
            return calls.unanswered == 0 && active == self.calls
        }
    }

    private func load(
        _ stage: StageProcess,
        _ probe: ProcessProbe,
        _ calls: CoordinatedCalls
    ) async throws -> [(String, Double)] {
        let resident = probe.residentBytes
        let processorTime = probe.processorTime
        let ownProcessorTime = Clock.processorTime
        let start = Clock.nanoseconds
        try await calls.speak(for: self.seconds)
        // The coordinator writes the plan, and the start and the end of each tool.
        let expected = calls.events + self.calls * (1 + 2 * CoordinatedCall.toolCalls.count)
        try await eventually("all events are dealt with", timeout: .seconds(120)) {
            try await stage.metric(Self.events) >= Double(expected)
        }
        let seconds = Double(Clock.nanoseconds - start) / 1e9
        let events = try await stage.metric(Self.events)
        let used = probe.processorTime - processorTime
        let latency = calls.latencies.milliseconds(50, 99, 100)
        return [
            ("calls", Double(self.calls)), ("seconds", seconds), ("events", events),
            ("events_per_second", events / seconds), ("cpu_ms_per_event", used * 1_000 / events),
            ("mib", Double(probe.residentBytes - resident) / 1_048_576),
            ("resident_mib", Double(probe.residentBytes) / 1_048_576), ("tool_ms_p50", latency[0]),
            ("tool_ms_p99", latency[1]), ("tool_ms_max", latency[2]), ("unanswered", Double(calls.unanswered)),
            ("transaction_ms_mean", try await self.meanTransaction(stage) * 1_000),
            ("own_cpu_s", Double(Clock.processorTime - ownProcessorTime) / 1e9),
        ]
    }

    private func meanTransaction(_ stage: StageProcess) async throws -> Double {
        let count = try await stage.metric("voice_transaction_seconds_count")
        return count > 0 ? try await stage.metric("voice_transaction_seconds_sum") / count : 0
    }

    /// - Returns: seconds from its start until it is ready, and how many calls it has then.
    private func restart(_ stage: StageProcess) async throws -> (seconds: Double, active: Int) {
        try await stage.program.kill()
        let start = Clock.nanoseconds
        try await stage.startAndWait(limit: .seconds(300))
        let seconds = Double(Clock.nanoseconds - start) / 1e9
        try? await eventually("all calls are there", timeout: .seconds(10)) {
            try await Int(stage.metric(Self.active)) == self.calls
        }
        return (seconds, Int(try await stage.metric(Self.active)))
    }
}
