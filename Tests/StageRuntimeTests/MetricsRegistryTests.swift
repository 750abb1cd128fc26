import CoreMetrics
import Testing

@testable import StageRuntime

struct MetricsRegistryTests {
    @Test func `each kind is written as Prometheus reads it`() {
        let registry = MetricsRegistry()
        registry.makeCounter(label: "calls_total", dimensions: [("stage", "b"), ("dir", "in")]).increment(by: 2)
        registry.makeCounter(label: "calls_total", dimensions: []).increment(by: 1)
        registry.makeFloatingPointCounter(label: "cost.total", dimensions: []).increment(by: 0.5)
        registry.makeRecorder(label: "depth", dimensions: [], aggregate: false).record(Int64(7))
        let meter = registry.makeMeter(label: "active", dimensions: [])
        meter.set(Int64(3))
        meter.decrement(by: 1)
        #expect(
            registry.exposition() == """
                # TYPE active gauge
                active 2
                # TYPE calls_total counter
                calls_total 1
                calls_total{dir="in",stage="b"} 2
                # TYPE cost_total counter
                cost_total 0.5
                # TYPE depth gauge
                depth 7

                """
        )
    }

    @Test func `a timer is a histogram in seconds`() {
        let registry = MetricsRegistry()
        let timer = registry.makeTimer(label: "latency_seconds", dimensions: [("stage", "x")])
        timer.recordNanoseconds(500_000)  // exactly a bound
        timer.recordNanoseconds(3_000_000)
        timer.recordNanoseconds(20_000_000_000)
        let lines = registry.exposition().split(separator: "\n")
        #expect(lines.count == 1 + MetricsRegistry.buckets.count + 1 + 2)
        #expect(lines.contains(#"latency_seconds_bucket{stage="x",le="0.0005"} 1"#))
        #expect(lines.contains(#"latency_seconds_bucket{stage="x",le="0.0025"} 1"#))
        #expect(lines.contains(#"latency_seconds_bucket{stage="x",le="0.005"} 2"#))
        #expect(lines.contains(#"latency_seconds_bucket{stage="x",le="10"} 2"#))
        #expect(lines.contains(#"latency_seconds_bucket{stage="x",le="+Inf"} 3"#))
        #expect(lines.contains(#"latency_seconds_sum{stage="x"} 20.0035"#))
        #expect(lines.contains(#"latency_seconds_count{stage="x"} 3"#))
    }

    @Test func `the same name and labels are the same metric, in any order of labels`() {
        let registry = MetricsRegistry()
        registry.makeCounter(label: "a", dimensions: [("x", "1"), ("y", "2")]).increment(by: 1)
        registry.makeCounter(label: "a", dimensions: [("y", "2"), ("x", "1")]).increment(by: 1)
        #expect(registry.exposition() == "# TYPE a counter\na{x=\"1\",y=\"2\"} 2\n")
    }

    @Test func `a name keeps its first type`() {
        let registry = MetricsRegistry()
        registry.makeCounter(label: "a", dimensions: []).increment(by: 1)
        registry.makeMeter(label: "a", dimensions: []).set(5.0)
        registry.makeFloatingPointCounter(label: "a", dimensions: []).increment(by: 5)
        #expect(registry.exposition() == "# TYPE a counter\na 1\n")
    }

    @Test func `labels are escaped and names made valid`() {
        let registry = MetricsRegistry()
        registry.makeCounter(label: "9 lives", dimensions: [("a-b", "say \"hi\"\\\n")]).increment(by: 1)
        #expect(registry.exposition() == "# TYPE _9_lives counter\n_9_lives{a_b=\"say \\\"hi\\\"\\\\\\n\"} 1\n")
    }

    @Test func `this process uses memory and time`() throws {
        #expect(try #require(ProcessMetrics.cpuSeconds()) > 0)
        #if os(Linux)
            #expect(try #require(ProcessMetrics.residentBytes()) > 1_000_000)
        #endif
    }
}
