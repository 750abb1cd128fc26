import CallEvents
import Kafka
import NIOCore
import ResultsStore
import StageRuntime
import Synchronization
import TestSupport
import Testing

@testable import ResultsSink

@Suite(.timeLimit(.minutes(2))) struct CallWatchTests {
    @Test func `a partition that nobody watches is given up, and followed again from where the store is`() async throws
    {
        let deployment = try Deployment()
        let sink = try await deployment.startSink()
        let context = StageContext(
            stage: ResultsSinkStage.name,
            instanceID: "k2",
            topics: deployment.broker.topics,
            kafka: deployment.broker.configuration(instanceID: "k2"),
            logger: .quiet,
            health: Health()
        )
        let store = ReadStore(store: try DatabaseStore(deployment.database), logger: .quiet)
        let watch = try CallWatch(store: store, context: context, idleLimit: .zero)
        let running = RunningServices([watch])
        func feeds() -> Int { watch.state.withLock { $0.feeds.count } }

        let callSid = try #require(CallSid(Deployment.callSid))
        try await deployment.write(.requested(), .said(.person, "p0", "Hello 0"))
        for round in 1...3 {
            let stream = try await eventually("the call is known", timeout: .seconds(40)) {
                try? await watch.open(callSid, after: nil)
            }
            #expect(feeds() == 1)
            try await deployment.write(.said(.person, "p\(round)", "Hello \(round)"))
            #expect(await Self.says("Hello \(round)", stream))
            watch.end(stream)
        }
        // Its records are what tells the time.
        for number in 0..<400 where feeds() > 0 {
            try await deployment.write(.said(.agent, "a\(number)", "Good day."))
        }
        #expect(feeds() == 0)
        let stream = try await watch.open(callSid, after: nil)
        // Where the store is may be before that.
        #expect(await Self.says("Hello 3", stream))
        try await running.stop()
        try await sink.running.stop()
        await deployment.end()
    }

    /// Reads until `text` comes.
    private static func says(_ text: String, _ stream: OpenStream) async -> Bool {
        var frames = stream.history
        while !frames.contains(where: { String(buffer: $0.text).contains(text) }) {
            guard let next = await stream.queue.next() else { return false }
            frames = next
        }
        return true
    }
}
