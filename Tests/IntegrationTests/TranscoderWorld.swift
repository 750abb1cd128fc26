import CallEvents
import Foundation
import Kafka
import TestSupport
import Testing

/// Calls that speak through audio-transcoder processes, which are disturbed, and through one that is not.
///
/// On a broker of the test's own, or on that of `KAFKA_BOOTSTRAP_SERVERS`.
struct TranscoderWorld: Sendable {
    /// The same audio goes to both deployments.
    private struct Deployment: Sendable {
        var topics: TopicNames
        var output: ConvertedAudio
    }

    let first: StageProcess
    let second: StageProcess
    private let speech: SpokenCalls
    private let disturbed: Deployment
    private let calm: Deployment

    /// Runs `body` while the calls speak; then ends them and compares every stream.
    static func run(calls count: Int, body: (TranscoderWorld) async throws -> Void) async throws {
        let run = UInt32.random(in: 0 ... .max)
        let disturbed = TopicNames(prefix: "scale\(run).", partitions: 12)
        let calm = TopicNames(prefix: "calm\(run).", partitions: 12)
        let (broker, kafka) = try Self.broker([disturbed, calm])
        defer { broker?.stop() }
        let directory = NSTemporaryDirectory() + "/lifehub-voice-transcoders-\(run)"
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: directory) }
        func transcoder(_ number: Int, _ topics: TopicNames) async throws -> StageProcess {
            let logFile = "\(directory)/\(topics.prefix)\(number).log"
            return try await .transcoder(number, topics: topics, kafka: kafka, logFile: logFile)
        }
        let first = try await transcoder(1, disturbed)
        let second = try await transcoder(2, disturbed)
        let undisturbed = try await transcoder(1, calm)
        do {
            try await first.program.start()
            try await undisturbed.startAndWait()
            try await first.ready()
            let world = TranscoderWorld(
                first: first,
                second: second,
                // Half of real time: what is tried here does not depend on the pace, and the machine may be busy.
                speech: try SpokenCalls(
                    count,
                    topics: [disturbed, calm],
                    every: .milliseconds(40),
                    configuration: kafka
                ),
                disturbed: Deployment(topics: disturbed, output: try ConvertedAudio(disturbed, configuration: kafka)),
                calm: Deployment(topics: calm, output: try ConvertedAudio(calm, configuration: kafka))
            )
            try await world.speak { try await body(world) }
        } catch {
            for process in [first, second, undisturbed] {
                print("\(process.program.logFile):\n\(process.program.logTail())")
                try? await process.program.kill()
            }
            throw error
        }
        for process in [first, second, undisturbed] where process.program.pid != nil {
            try await process.program.stop()
            #expect(process.program.exit == .code(0))
        }
    }

    private static func broker(_ deployments: [TopicNames]) throws -> (EmbeddedBroker?, KafkaConfiguration) {
        if let servers = ProcessInfo.processInfo.environment["KAFKA_BOOTSTRAP_SERVERS"] {
            return (nil, KafkaConfiguration(bootstrapServers: servers, profile: .kafka, instanceID: "test"))
        }
        let broker = try EmbeddedBroker(prefix: deployments[0].prefix, partitions: deployments[0].partitions)
        for topics in deployments.dropFirst() {
            for topic in Topic.allCases {
                try broker.createTopic(topics[topic], partitions: topics.partitions)
            }
        }
        return (broker, broker.configuration())
    }

    private func speak(_ body: () async throws -> Void) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for deployment in [self.disturbed, self.calm] { group.addTask { try await deployment.output.run() } }
            defer { group.cancelAll() }
            for deployment in [self.disturbed, self.calm] { try await deployment.output.positioned() }
            async let spoken: Void = self.speech.run()
            do {
                try await self.everyoneIsHeard(after: "the calls began")
                try await body()
            } catch {
                self.speech.stop()
                throw error
            }
            self.speech.stop()
            try await spoken
            try await self.expectExactness()
        }
    }

    /// Waits until each direction of each call has brought more.
    func everyoneIsHeard(after event: String, records: Int = 3) async throws {
        let before = self.streams.map { self.disturbed.output[$0].digest.count }
        try await eventually("every call is heard after \(event)", timeout: .seconds(60)) {
            zip(self.streams, before).allSatisfy { self.disturbed.output[$0].digest.count >= $1 + records }
        }
    }

    /// Waits for that many more records of one call: a moment in the middle of its words.
    func hears(_ records: Int, of call: Int) async throws {
        let stream = ConvertedAudio.Stream(callSid: self.speech.calls[call].callSid, isInbound: false)
        let before = self.disturbed.output[stream].digest.count
        try await eventually("more of call \(call)", timeout: .seconds(60), every: .milliseconds(3)) {
            self.disturbed.output[stream].digest.count >= before + records
        }
    }

    /// How many records the readers had seen before.
    var repeats: Int { self.streams.reduce(0) { $0 + self.disturbed.output[$1].repeated } }

    private var streams: [ConvertedAudio.Stream] {
        self.speech.calls.flatMap { call in
            [true, false].map { ConvertedAudio.Stream(callSid: call.callSid, isInbound: $0) }
        }
    }

    private func expectExactness() async throws {
        let calls = self.speech.calls
        for deployment in [self.calm, self.disturbed] {
            for call in calls {
                for (isInbound, source) in [(true, call.inbound), (false, call.outbound)] {
                    let stream = ConvertedAudio.Stream(callSid: call.callSid, isInbound: isInbound)
                    try? await eventually("the end of a stream", timeout: .seconds(30)) {
                        deployment.output[stream].digest.count >= source.expected.count
                    }
                    let seen = deployment.output[stream]
                    let name =
                        "\(deployment.topics.prefix) \(isInbound ? "inbound" : "outbound") of call \(call.callSid)"
                    #expect(seen.missing == 0, "\(name)")
                    #expect(seen.digest == source.expected, "\(name)")
                }
            }
        }
    }
}
