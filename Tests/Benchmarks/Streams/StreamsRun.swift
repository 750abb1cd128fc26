import CallEvents
import Foundation
import Kafka
import Logging
import TestSupport
import TwilioMedia
import TwilioSimulator

/// One ingress from its start to its end, with all streams on it.
struct StreamsRun: Sendable {
    var load: StreamLoad
    var topics: TopicNames
    var kafka: KafkaConfiguration
    var threads: Int
    var environment: [String: String]
    var logger: Logger
    private let run = UInt32.random(in: 1 ..< .max)

    /// With streams of our own.
    func measure() async throws -> StreamsResult {
        let inbound = FrameLedger(self.load, run: self.run)
        let outbound = FrameLedger(self.load, run: self.run)
        let clears = ClearTimes(self.load)
        return try await self.withIngress(self.environment) { ingress, probe in
            try await self.withStageBehind(inbound) { behind in
                let authority = "127.0.0.1:\(ingress.port)"
                let call = PhoneStream.Call(
                    run: self.run,
                    authority: authority,
                    signature: TwilioSignature(authToken: IngressProcess.authToken)
                        .compute(url: "ws://\(authority)/api/voice/stream"),
                    tokens: StreamToken.Authority(authToken: IngressProcess.authToken),
                    tokensExpireAt: Int64(Date().timeIntervalSince1970) + 60,
                    load: self.load,
                    inbound: inbound,
                    outbound: outbound,
                    clears: clears
                )
                var result = StreamsResult(residentBefore: probe.residentBytes, streams: self.load.streams)
                let calls = (0..<self.load.streams).map { self.load.callSid($0) }
                let phones = try await PhoneSide(call, port: ingress.port, threads: self.threads)
                let start = Clock.nanoseconds + 100_000_000
                async let spoken: Void = phones.speak(from: start)
                async let answered: Void = behind.speak(calls, from: start, outbound, clears)
                try await self.watch(probe, &result)
                _ = try await (spoken, answered)
                // What is not there after some seconds is lost.
                try? await eventually("the last frames", timeout: .seconds(10)) {
                    inbound.count.lost == 0 && outbound.count.lost == 0 && clears.missing == 0
                }
                result.lateness = try await phones.lateness
                try await phones.close()
                try await Self.streamsEnd(ingress)
                result.residentAfter = probe.residentBytes
                result.take(inbound, outbound, clears)
                return result
            }
        }
    }

    /// With calls of the simulator: what each person says is one long, numbered utterance, and of the agent's frames
    /// their number is known, not which they are.
    func measureThroughSimulator() async throws -> StreamsResult {
        // Time for all calls to come about.
        var said = self.load
        said.seconds += 10 + self.load.streams / 10
        let calls = try SimulatedCalls(self.load, frames: said.frames, run: self.run, logger: self.logger)
        let inbound = FrameLedger(said, run: self.run)
        let outbound = FrameLedger(self.load, run: self.run)
        let clears = ClearTimes(self.load)
        let limit = Duration.seconds(2 * said.seconds + 30)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await calls.simulator.run() }
            defer { group.cancelAll() }
            let environment = try await calls.environment().merging(self.environment) { $1 }
            return try await self.withIngress(environment) { ingress, probe in
                try await self.withStageBehind(inbound, skipsSilence: true) { behind in
                    var result = StreamsResult(residentBefore: probe.residentBytes, streams: self.load.streams)
                    let callSids = try await calls.place(by: ingress)
                    let start = Clock.nanoseconds + 100_000_000
                    async let answered: Void = behind.speak(
                        callSids,
                        from: start,
                        outbound,
                        clears,
                        isIdentified: false
                    )
                    try await self.watch(probe, &result)
                    try await answered
                    try await calls.finish(within: limit)
                    inbound.sent(unidentified: said.frames * self.load.streams)
                    outbound.arrived(unidentified: calls.arrived)
                    try? await eventually("the last frames", timeout: .seconds(10)) { inbound.count.lost == 0 }
                    calls.hangUp()
                    try await Self.streamsEnd(ingress)
                    result.residentAfter = probe.residentBytes
                    result.take(inbound, outbound, clears)
                    result.clearsMissing = clears.sent - calls.clears
                    result.problems = calls.problems
                    return result
                }
            }
        }
    }

    /// Takes the measures while the load is on.
    private func watch(_ probe: ProcessProbe, _ result: inout StreamsResult) async throws {
        let warm = ContinuousClock.now + .seconds(self.load.warmUpSeconds)
        try await Task.sleep(until: warm)
        let processorTime = (ingress: probe.processorTime, own: Clock.processorTime, at: Clock.nanoseconds)
        for second in 1...self.load.seconds {
            try await Task.sleep(until: warm + .seconds(second))
            result.residentDuring = max(result.residentDuring, probe.residentBytes)
        }
        let streamSeconds = Double(Clock.nanoseconds - processorTime.at) / 1e9 * Double(self.load.streams)
        result.processorTime = (probe.processorTime - processorTime.ingress) / streamSeconds
        result.ownProcessorTime = Double(Clock.processorTime - processorTime.own) / 1e9 / streamSeconds
    }

    private static func streamsEnd(_ ingress: IngressProcess) async throws {
        try await eventually("the streams' end") { try await ingress.stage.process.metric("voice_streams_active") == 0 }
    }

    /// Starts an ingress and ends it in any case.
    private func withIngress(
        _ environment: [String: String],
        _ body: (IngressProcess, ProcessProbe) async throws -> StreamsResult
    ) async throws -> StreamsResult {
        let ingress = try await IngressProcess(self.kafka, topics: self.topics, environment: environment)
        return try await ingress.stage.whileRunning { try await body(ingress, $0) }
    }

    /// Has what comes from the callers counted while `body` runs.
    private func withStageBehind(
        _ inbound: FrameLedger,
        skipsSilence: Bool = false,
        _ body: (StageBehind) async throws -> StreamsResult
    ) async throws -> StreamsResult {
        let behind = try StageBehind(
            self.load,
            run: self.run,
            topics: self.topics,
            kafka: self.kafka,
            ingressInstance: IngressProcess.instance,
            logger: self.logger
        )
        return try await behind.whileListening(inbound, skipsSilence: skipsSilence) { try await body(behind) }
    }
}

/// Why a run came to nothing.
struct StreamsError: Error, CustomStringConvertible {
    var description: String
}
