import AsyncHTTPClient
import CallEvents
import CallFlow
import JSON
import Kafka
import Logging
import StageRuntime
import Synchronization
import TestSupport

/// One results-sink process with calls in progress, all of them watched.
struct MonitorRun: Sendable {
    private static let warmUpSeconds = 3

    var calls: Int
    var seconds: Int
    var topics: TopicNames
    var kafka: KafkaConfiguration
    var databaseURL: String
    /// Where to write what the browser shows; nil for no browser.
    var pageLog: String?
    var logger: Logger

    func measure() async throws -> MonitorResult {
        let port = try await FreePorts.take()
        let stage = try await StageUnderLoad(
            "results-sink",
            kafka: self.kafka,
            topics: self.topics,
            environment: [
                "DATABASE_URL": self.databaseURL, "HTTP_HOST": "127.0.0.1", "HTTP_PORT": "\(port)",
                "VOICE_ALLOW_ANONYMOUS": "true",
            ]
        )
        return try await stage.whileRunning { probe in
            let producer = try KafkaProducer(.events, configuration: self.kafka, logger: self.logger)
            let running = RunningServices([producer])
            let result = try await self.measure(probe, "http://127.0.0.1:\(port)/api/voice", producer)
            try await running.stop()
            return result
        }
    }

    private func measure(
        _ probe: ProcessProbe,
        _ url: String,
        _ producer: KafkaProducer
    ) async throws -> MonitorResult {
        let calls = WatchedCalls(self.calls, topics: self.topics, producer: producer)
        try await calls.begin()
        let watching = Watching()
        // As many connections as there are watchers.
        var configuration = HTTPClient.Configuration()
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = self.calls + 8
        let client = HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
        defer { client.shutdown { _ in } }
        return try await withThrowingTaskGroup(of: Void.self) { group in
            let paths = calls.callSids.map { "/calls/\($0)/events" } + ["/events"]
            for path in paths {
                group.addTask { try await watching.watch(url + path, isWall: path == "/events", client: client) }
            }
            try await eventually("all are watched", timeout: .seconds(60)) { watching.ready == paths.count }
            _ = try await calls.goOn(0..<Self.warmUpSeconds)
            watching.begin()
            let (processorTime, begun) = (probe.processorTime, ContinuousClock.now)
            let page = try await self.openPage(url)
            let said = try await calls.goOn(Self.warmUpSeconds..<(Self.warmUpSeconds + self.seconds))
            let (used, took) = (probe.processorTime - processorTime, begun.duration(to: .now))
            try? await eventually("the last words", timeout: .seconds(10)) { watching.utterances >= said }
            group.cancelAll()
            try await Self.report(page)
            return watching.result(
                calls: self.calls,
                seconds: took / .seconds(1),
                processorTime: used,
                said: said
            )
        }
    }
}

extension MonitorRun {
    /// Of the seconds, what the browser needs to start.
    private static let pageStart = 20

    private func openPage(_ url: String) async throws -> Program? {
        guard let pageLog else { return nil }
        let parts = #filePath.split(separator: "/").dropLast(4)
        let package = "/" + parts.joined(separator: "/")
        let page = Program(
            "performance.py",
            path: "\(package)/Deploy/python.sh",
            arguments: [
                "\(package)/Tests/Browser/performance.py", "--url", String(url.dropLast("/api/voice".count)),
                "--minutes", "\(Double(self.seconds - Self.pageStart) / 60)",
            ],
            environment: ["PYTHONDONTWRITEBYTECODE": "1"],
            logFile: pageLog
        )
        try await page.start()
        return page
    }

    /// Prints the page's figures when it has all.
    private static func report(_ page: Program?) async throws {
        guard let page else { return }
        let exit = try await page.exited(within: .seconds(60))
        print(page.log(), terminator: "")
        guard exit == .code(0) else { throw StreamsError(description: "performance.py ended with \(exit)") }
    }
}

/// All who watch, and how late they were told.
private final class Watching: Sendable {
    private struct State {
        var ready = 0
        var utterances = 0
        var events = Latencies()
        var live = Latencies()
        var wall = Latencies()
    }

    private let state = Mutex(State())

    var ready: Int { self.state.withLock { $0.ready } }
    var utterances: Int { self.state.withLock { $0.utterances } }

    /// What counts comes from now on.
    func begin() {
        self.state.withLock { $0 = State(ready: $0.ready) }
    }

    func watch(_ url: String, isWall: Bool, client: HTTPClient) async throws {
        // The sink has to join its group before it knows any call.
        let stream = try await eventually("\(url) is known", timeout: .seconds(40)) {
            do {
                return try await EventStream(url, client: client)
            } catch let refused as EventStream.Refused where refused.status == 404 {
                return nil
            }
        }
        while !Task.isCancelled, let event = try await stream.next() {
            let now = UInt64(UnixTime.nowUs) * 1000
            if event.name == "ready" { self.state.withLock { $0.ready += 1 } }
            guard let recordedAt = try? JSONValue(parsing: event.data)["recordedAt"]?.stringValue,
                let us = Timestamp.us(rfc3339: recordedAt)
            else { continue }
            let recorded = UInt64(max(0, us)) * 1000
            self.state.withLock { state in
                if isWall {
                    state.wall.add(from: recorded, to: now)
                } else if event.name == "levels" || event.name == "partial" {
                    state.live.add(from: recorded, to: now)
                } else {
                    state.events.add(from: recorded, to: now)
                    if event.name == "utterance" { state.utterances += 1 }
                }
            }
        }
    }

    func result(calls: Int, seconds: Double, processorTime: Double, said: Int) -> MonitorResult {
        self.state.withLock { state in
            MonitorResult(
                calls: calls,
                seconds: seconds,
                processorTime: processorTime,
                events: state.events,
                live: state.live,
                wall: state.wall,
                lost: max(0, said - state.utterances)
            )
        }
    }
}
