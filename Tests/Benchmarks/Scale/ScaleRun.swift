import CallEvents
import Foundation
import Kafka
import TestSupport

/// The processes, the calls, and the events that befall them.
struct ScaleRun: Sendable {
    var calls: Int
    var topics: TopicNames
    var kafka: KafkaConfiguration
    /// How long each event is watched.
    var watching: Duration
    var rounds: Int

    private struct World: Sendable {
        var first: StageProcess
        var second: StageProcess
        var output: ConvertedAudio
        var speech: SpokenCalls
    }

    /// - Returns: whether every stream is exact.
    func measure() async throws -> Bool {
        let id = ProcessInfo.processInfo.processIdentifier
        let first = try await self.transcoder(1, logFile: "/tmp/voice-bench-transcoder-1-\(id).log")
        let second = try await self.transcoder(2, logFile: "/tmp/voice-bench-transcoder-2-\(id).log")
        do {
            // Creates the topics.
            try await first.startAndWait()
            let world = World(
                first: first,
                second: second,
                output: try ConvertedAudio(self.topics, configuration: self.kafka),
                speech: try SpokenCalls(
                    self.calls,
                    topics: [self.topics],
                    every: .milliseconds(20),
                    configuration: self.kafka
                )
            )
            let isExact = try await self.measure(world)
            for process in [first, second] where process.program.pid != nil { try await process.program.stop() }
            for process in [first, second] { try? FileManager.default.removeItem(atPath: process.program.logFile) }
            return isExact
        } catch {
            for process in [first, second] {
                FileHandle.standardError.write(Data(process.program.logTail().utf8))
                try? await process.program.kill()
            }
            throw error
        }
    }

    private func transcoder(_ number: Int, logFile: String) async throws -> StageProcess {
        try await .transcoder(number, topics: self.topics, kafka: self.kafka, logFile: logFile)
    }

    private func measure(_ world: World) async throws -> Bool {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await world.output.run() }
            defer { group.cancelAll() }
            try await world.output.positioned()
            async let spoken: Void = world.speech.run()
            print(ScaleEvent.head)
            try await self.watch("undisturbed", world) {}
            for _ in 0..<self.rounds {
                try await self.watch("1 → 2", world) { try await world.second.startAndWait() }
                try await self.watch("2 → 1 (SIGTERM)", world) { try await world.second.program.stop() }
            }
            try await self.watch("kill -9, same instance back", world) { try await world.first.killAndRestart() }
            try await self.watch("1 → 2", world) { try await world.second.startAndWait() }
            try await self.watch("kill -9 of one of two", world, atLeast: .seconds(10)) {
                try await world.second.program.kill()
            }
            world.speech.stop()
            try await spoken
            return await self.report(world)
        }
    }

    private func watch(
        _ name: String,
        _ world: World,
        atLeast: Duration = .zero,
        _ event: () async throws -> Void
    ) async throws {
        var seen = ScaleEvent(name: name, began: .now, before: self.holders(world))
        try await event()
        try await Task.sleep(until: seen.began + max(self.watching, atLeast))
        seen.ended = .now
        seen.after = self.holders(world)
        print(seen.row(world.speech, world.output, partitions: self.topics.partitions))
        fflush(nil)
    }

    /// Who has which partition numbers.
    private func holders(_ world: World) -> [Int32: PartitionLog.Holder] {
        var holders: [Int32: PartitionLog.Holder] = [:]
        for process in [world.first, world.second] where process.program.pid != nil {
            holders.merge(PartitionLog(of: process.program).held) { $1 }
        }
        return holders
    }

    private func report(_ world: World) async -> Bool {
        var (exact, repeated) = (0, 0)
        let streams = world.speech.calls.flatMap { call in
            [(true, call.inbound), (false, call.outbound)].map {
                (ConvertedAudio.Stream(callSid: call.callSid, isInbound: $0.0), $0.1.expected)
            }
        }
        for (stream, expected) in streams {
            try? await eventually("the stream's end", timeout: .seconds(5)) {
                world.output[stream].digest.count >= expected.count
            }
            let seen = world.output[stream]
            repeated += seen.repeated
            if seen.digest == expected, seen.missing == 0 { exact += 1 }
        }
        let records = streams.reduce(0) { $0 + $1.1.count }
        print("exact: \(exact) of \(streams.count) streams (\(records) records, \(repeated) repeats dropped)")
        return exact == streams.count
    }
}

/// What an instance says about its partitions in its log.
struct PartitionLog {
    /// An instance that was assigned a partition for the so-manieth time: one that comes back is another.
    struct Holder: Equatable {
        var name: String
        var assignment: Int
    }

    private(set) var held: [Int32: Holder] = [:]

    /// - Parameter program: its log is of all its runs.
    init(of program: Program) {
        var assignments = 0
        for line in program.log().split(separator: "\n") {
            if line.contains("Stage starts") { self.held = [:] }
            guard let place = line.range(of: "kafka.partitions=") else { continue }
            let numbers = line[place.upperBound...].prefix { $0 != " " }.split(separator: ",").compactMap { Int32($0) }
            let isAssigned = line.contains("partitions assigned")
            assignments += 1
            for number in numbers {
                self.held[number] = isAssigned ? Holder(name: program.logFile, assignment: assignments) : nil
            }
        }
    }
}
