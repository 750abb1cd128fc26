import AsyncHTTPClient
import CoreMetrics
import Logging
import NIOCore
import NIOHTTP1
import ServiceLifecycle
import Testing

@testable import StageRuntime

@Suite(.timeLimit(.minutes(1)))
struct AdminServerTests {
    @Test func `readiness names what is waited for, and metrics are Prometheus text`() async throws {
        let health = Health()
        let metrics = MetricsRegistry()
        metrics.makeCounter(label: "voice_test_total", dimensions: [("stage", "x")]).increment(by: 3)
        var logger = Logger(label: "test")
        logger.logLevel = .error
        let (ports, bound) = AsyncStream.makeStream(of: Int.self)
        let server = AdminServer(host: "127.0.0.1", port: 0, health: health, metrics: metrics, logger: logger) {
            bound.yield($0)
        }
        let group = ServiceGroup(services: [server], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await group.run() }
            var iterator = ports.makeAsyncIterator()
            let port = try #require(await iterator.next(isolation: #isolation))
            func get(_ path: String) async throws -> (status: UInt, type: String?, body: String) {
                let request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
                let response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
                let body = try await response.body.collect(upTo: 1 << 20)
                return (response.status.code, response.headers.first(name: "content-type"), String(buffer: body))
            }

            #expect(try await get("/healthz").status == 200)
            #expect(try await get("/readyz").status == 200)
            health.require("kafka-topics")
            health.require("assignment")
            let waiting = try await get("/readyz")
            #expect(waiting.status == 503)
            #expect(waiting.body == #"{"ready":false,"waitingFor":["assignment","kafka-topics"]}"# + "\n")
            health.set("kafka-topics", ready: true)
            health.set("assignment", ready: true)
            #expect(try await get("/readyz").body == #"{"ready":true,"waitingFor":[]}"# + "\n")

            let page = try await get("/metrics")
            #expect(page.type == "text/plain; version=0.0.4; charset=utf-8")
            #expect(page.body.contains("# TYPE voice_test_total counter\nvoice_test_total{stage=\"x\"} 3\n"))
            #expect(page.body.contains("\nprocess_cpu_seconds_total "))
            #expect(try await get("/other").status == 404)

            await group.triggerGracefulShutdown()
            try await tasks.waitForAll()
        }
    }
}
