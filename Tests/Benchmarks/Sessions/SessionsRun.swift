import CallEvents
import Foundation
import Kafka
import Logging
import TestSupport

/// One realtime-session process from its start to its end, with all calls on it.
struct SessionsRun: Sendable {
    var load: StreamLoad
    var callSeconds: Int
    var codec: AudioFrame.Codec
    var topics: TopicNames
    var kafka: KafkaConfiguration
    /// Of another build; default: the one beside this program.
    var path: String?
    /// Added to what the stage needs.
    var environment: [String: String]
    var logger: Logger

    private static let active = "voice_sessions_active"

    func measure() async throws -> SessionsResult {
        let port = try await FreePorts.take()
        let model = Program(
            "realtime-simulator",
            arguments: ["--port", "\(port)"],
            logFile: "/tmp/voice-bench-realtime-simulator-\(ProcessInfo.processInfo.processIdentifier).log"
        )
        try await model.start()
        do {
            try await eventually("\(model.name) listening", timeout: .seconds(30)) {
                model.log().contains("listening on ")
            }
            let result = try await self.measure(model, port: port)
            try await model.stop()
            try FileManager.default.removeItem(atPath: model.logFile)
            return result
        } catch {
            FileHandle.standardError.write(Data(model.logTail().utf8))
            try await model.kill()
            throw error
        }
    }

    private func measure(_ model: Program, port: Int) async throws -> SessionsResult {
        let calls = try SessionCalls(
            self.load,
            callSeconds: self.callSeconds,
            codec: self.codec,
            topics: self.topics,
            kafka: self.kafka,
            logger: self.logger
        )
        let relay = try await ModelRelay(to: port, calls)
        let own = [
            "OPENAI_API_KEY": "voice-bench",
            "OPENAI_REALTIME_URL": "ws://127.0.0.1:\(relay.port)/v1/realtime",
        ]
        let stage = try await StageUnderLoad(
            "realtime-session",
            path: self.path,
            kafka: self.kafka,
            topics: self.topics,
            environment: own.merging(self.environment) { $1 }
        )
        let result = try await stage.whileRunning { probe in
            try await calls.whileListening { try await self.measure(stage.process, probe, model, calls) }
        }
        try await relay.close()
        return result
    }

    private func measure(
        _ stage: StageProcess,
        _ probe: ProcessProbe,
        _ model: Program,
        _ calls: SessionCalls
    ) async throws -> SessionsResult {
        guard try await stage.metric(Self.active) == 0 else {
            throw StreamsError(description: "calls of an earlier run that was broken off live: take other topics")
        }
        let simulator = ProcessProbe(pid: model.pid ?? 0)
        let residentBefore = probe.residentBytes
        let droppedBefore = try await Self.dropped(stage)
        async let spoken = calls.speak(from: Clock.nanoseconds + 100_000_000)
        try await Task.sleep(for: .seconds(self.load.warmUpSeconds))
        let begun = try await Snapshot(stage, probe, simulator, calls)
        var resident: [Int] = []
        for second in 1...self.load.seconds {
            try await Task.sleep(for: .seconds(1))
            resident.append(probe.residentBytes - residentBefore)
            if second.isMultiple(of: 60) { self.progress(second / 60, resident, begun, probe) }
        }
        let ended = try await Snapshot(stage, probe, simulator, calls)
        let lateness = try await spoken
        // What is not there after some seconds is lost.
        try? await eventually("the last frames", timeout: .seconds(10)) {
            calls.inbound.count.lost == 0 && calls.outbound.count.lost == 0
        }
        let reconnects = Int(try await stage.metric("voice_realtime_reconnects_total"))
        calls.end()
        try await eventually("the calls' end") { try await stage.metric(Self.active) == 0 }
        let dropped = try await Self.dropped(stage) - droppedBefore
        try await calls.leave()
        return SessionsResult(
            sessions: self.load.streams,
            seconds: Double(ended.at - begun.at) / 1e9,
            processorTime: ended.processorTime - begun.processorTime,
            simulatorTime: ended.simulatorTime - begun.simulatorTime,
            ownProcessorTime: Double(ended.ownProcessorTime - begun.ownProcessorTime) / 1e9,
            inStage: ended.latency.since(begun.latency),
            inbound: calls.inbound.count,
            outbound: calls.outbound.count,
            inboundLatencies: calls.inbound.latencies,
            outboundLatencies: calls.outbound.latencies,
            lateness: lateness,
            dropped: dropped,
            reconnects: reconnects,
            calls: ended.counts.calls,
            turns: ended.counts.turns - begun.counts.turns,
            tools: ended.counts.tools - begun.counts.tools,
            resident: resident
        )
    }

    private func progress(_ minute: Int, _ resident: [Int], _ begun: Snapshot, _ probe: ProcessProbe) {
        let seconds = Double(Clock.nanoseconds - begun.at) / 1e9
        let perCall = (probe.processorTime - begun.processorTime) / (seconds * Double(self.load.streams)) * 1_000
        let kib = resident.suffix(60).reduce(0, +) / (min(60, resident.count) * self.load.streams << 10)
        let line = "minute \(minute): \(kib) KiB per call, \(perCall.rounded(to: 3)) ms per second of call\n"
        FileHandle.standardError.write(Data(line.utf8))
    }

    /// Without frames of calls that the stage does not know: an earlier run left some in the topics, and what of this
    /// one's is among them is missing at the model.
    private static func dropped(_ stage: StageProcess) async throws -> Int {
        let all = Int(try await stage.metric("voice_session_frames_dropped_total"))
        return all - Int(try await stage.metric(#"voice_session_frames_dropped_total{reason="unknown_call"}"#))
    }

    /// What grows, at one moment.
    private struct Snapshot {
        let latency: MetricHistogram
        let processorTime: Double
        let simulatorTime: Double
        let ownProcessorTime: Int64
        let counts: SessionCalls.Counts
        let at: UInt64

        init(
            _ stage: StageProcess,
            _ probe: ProcessProbe,
            _ simulator: ProcessProbe,
            _ calls: SessionCalls
        ) async throws {
            let exposition = try await stage.get("/metrics").body
            self.latency = MetricHistogram("voice_session_added_latency_seconds", in: exposition)
            self.processorTime = probe.processorTime
            self.simulatorTime = simulator.processorTime
            self.ownProcessorTime = Clock.processorTime
            self.counts = calls.counts
            self.at = Clock.nanoseconds
        }
    }
}
