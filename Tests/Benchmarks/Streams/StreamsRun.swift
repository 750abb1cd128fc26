import CallEvents
import Foundation
import Kafka
import Logging
import TestSupport
import TwilioMedia

/// One ingress from its start to its end, with all streams on it.
struct StreamsRun: Sendable {
    var load: StreamLoad
    var topics: TopicNames
    var kafka: KafkaConfiguration
    var threads: Int
    var environment: [String: String]
    var logger: Logger

    func measure() async throws -> StreamsResult {
        let ingress = try await IngressProcess(self.kafka, topics: self.topics, environment: self.environment)
        do {
            let result = try await self.measure(ingress)
            let log = try await ingress.stop()
            if !log.isEmpty { FileHandle.standardError.write(Data(log.utf8)) }
            return result
        } catch {
            let log = (try? await ingress.stop()) ?? ""
            FileHandle.standardError.write(Data(log.utf8))
            throw error
        }
    }

    private func measure(_ ingress: IngressProcess) async throws -> StreamsResult {
        let run = UInt32.random(in: 1 ... .max)
        let inbound = FrameLedger(self.load, run: run)
        let outbound = FrameLedger(self.load, run: run)
        let clears = ClearTimes(self.load)
        let behind = try StageBehind(
            self.load,
            run: run,
            topics: self.topics,
            kafka: self.kafka,
            ingressInstance: IngressProcess.instance,
            logger: self.logger
        )
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await behind.listen(inbound) }
            try await eventually("every partition is read", timeout: .seconds(60), every: .milliseconds(100)) {
                try behind.isListening()
            }
            let authority = "127.0.0.1:\(ingress.port)"
            let call = PhoneStream.Call(
                run: run,
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
            let result = try await self.measure(ingress, behind, call)
            group.cancelAll()
            return result
        }
    }

    private func measure(
        _ ingress: IngressProcess,
        _ behind: StageBehind,
        _ call: PhoneStream.Call
    ) async throws -> StreamsResult {
        guard let pid = ingress.stage.program.pid else {
            throw StreamsError(description: "twilio-ingress has ended")
        }
        let probe = ProcessProbe(pid: pid)
        var result = StreamsResult(residentBefore: probe.residentBytes, streams: self.load.streams)
        let phones = try await PhoneSide(call, port: ingress.port, threads: self.threads)
        let start = Clock.nanoseconds + 100_000_000
        async let spoken: Void = phones.speak(from: start)
        async let answered: Void = behind.speak(from: start, call.outbound, call.clears)
        let warm = ContinuousClock.now + .seconds(self.load.warmUpSeconds)
        try await Task.sleep(until: warm)
        let processorTime = (ingress: probe.processorTime, own: Clock.processorTime, at: Clock.nanoseconds)
        for second in 1...self.load.seconds {
            try await Task.sleep(until: warm + .seconds(second))
            result.residentDuring = max(result.residentDuring, probe.residentBytes)
        }
        let elapsed = Double(Clock.nanoseconds - processorTime.at) / 1e9 * Double(self.load.streams)
        result.processorTime = (probe.processorTime - processorTime.ingress) / elapsed
        result.ownProcessorTime = Double(Clock.processorTime - processorTime.own) / 1e9 / elapsed
        _ = try await (spoken, answered)
        await Self.settle(call)
        result.lateness = try await phones.lateness
        try await phones.close()
        try await eventually("the streams' end") { try await ingress.stage.metric("voice_streams_active") == 0 }
        result.residentAfter = probe.residentBytes
        result.take(call)
        return result
    }

    /// Waits for what is still on its way; what is not there after some seconds is lost.
    private static func settle(_ call: PhoneStream.Call) async {
        try? await eventually("the last frames", timeout: .seconds(10)) {
            call.inbound.count.lost == 0 && call.outbound.count.lost == 0 && call.clears.missing == 0
        }
    }
}

/// Why a run came to nothing.
struct StreamsError: Error, CustomStringConvertible {
    var description: String
}
