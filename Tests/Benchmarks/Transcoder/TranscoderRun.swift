import CallEvents
import Kafka
import Logging
import TestSupport

/// One audio-transcoder process from its start to its end, with all calls on it.
struct TranscoderRun: Sendable {
    var load: StreamLoad
    /// The agent speaks half of the time.
    var hasPauses: Bool
    var topics: TopicNames
    var kafka: KafkaConfiguration
    /// Of another build; default: the one beside this program.
    var path: String?
    /// Added to what the stage needs.
    var environment: [String: String]
    var logger: Logger

    func measure() async throws -> TranscoderResult {
        let stage = try await StageUnderLoad(
            "audio-transcoder",
            path: self.path,
            kafka: self.kafka,
            topics: self.topics,
            environment: self.environment
        )
        return try await stage.whileRunning { probe in
            let ends = try CallEnds(
                self.load,
                hasPauses: self.hasPauses,
                topics: self.topics,
                kafka: self.kafka,
                logger: self.logger
            )
            return try await ends.whileListening { try await self.measure(stage.process, probe, ends) }
        }
    }

    private func measure(
        _ stage: StageProcess,
        _ probe: ProcessProbe,
        _ ends: CallEnds
    ) async throws -> TranscoderResult {
        let residentBefore = probe.residentBytes
        // Of what others left in the topics.
        let droppedBefore = try await Self.dropped(stage)
        let start = Clock.nanoseconds + 100_000_000
        async let phone = ends.speak(.phone, from: start)
        async let model = ends.speak(.model, from: start)
        try await Task.sleep(for: .seconds(self.load.warmUpSeconds))
        let begun = try await Snapshot(stage, probe)
        var resident = probe.residentBytes
        for _ in 0..<self.load.seconds {
            try await Task.sleep(for: .seconds(1))
            resident = max(resident, probe.residentBytes)
        }
        let ended = try await Snapshot(stage, probe)
        var lateness = try await phone
        lateness.add(try await model)
        let behind = ends.fromPhone.count.lost + ends.fromModel.count.lost
        // What is not there after some seconds is lost.
        try? await eventually("the last frames", timeout: .seconds(10)) {
            ends.fromPhone.count.lost + ends.fromModel.count.lost == 0
        }
        return TranscoderResult(
            calls: self.load.streams,
            seconds: Double(ended.at - begun.at) / 1e9,
            processorTime: ended.processorTime - begun.processorTime,
            ownProcessorTime: Double(ended.ownProcessorTime - begun.ownProcessorTime) / 1e9,
            inStage: ended.latency.since(begun.latency),
            fromPhone: ends.fromPhone.count,
            fromModel: ends.fromModel.count,
            fromPhoneLatencies: ends.fromPhone.latencies,
            fromModelLatencies: ends.fromModel.latencies,
            lateness: lateness,
            dropped: try await Self.dropped(stage) - droppedBefore,
            behind: behind,
            grownBytes: max(0, resident - residentBefore)
        )
    }

    private static func dropped(_ stage: StageProcess) async throws -> Int {
        Int(try await stage.metric("voice_transcoder_frames_dropped_total"))
    }

    /// What grows, at one moment.
    private struct Snapshot {
        let latency: MetricHistogram
        let processorTime: Double
        let ownProcessorTime: Int64
        let at: UInt64

        init(_ stage: StageProcess, _ probe: ProcessProbe) async throws {
            let exposition = try await stage.get("/metrics").body
            self.latency = MetricHistogram("voice_transcoder_latency_seconds", in: exposition)
            self.processorTime = probe.processorTime
            self.ownProcessorTime = Clock.processorTime
            self.at = Clock.nanoseconds
        }
    }
}
