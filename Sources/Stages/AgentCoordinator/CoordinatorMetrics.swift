import CallEvents
import CallFlow
import Metrics

/// The stage's own metrics.
struct CoordinatorMetrics: Sendable {
    private let active = Gauge(label: "voice_calls_active", dimensions: [("stage", AgentCoordinatorStage.name)])
    private let events = Counter(label: "voice_events_total", dimensions: [("stage", AgentCoordinatorStage.name)])
    private let transactions = Timer(label: "voice_transaction_seconds")
    private let aborted = Counter(label: "voice_transactions_aborted_total")
    private let results: [String: Counter] = Dictionary(
        uniqueKeysWithValues: CallResult.types.map {
            ($0, Counter(label: "voice_results_total", dimensions: [("type", $0)]))
        }
    )
    private let tools: [Tool?: (succeeded: Counter, failed: Counter)]

    init() {
        self.tools = Dictionary(
            uniqueKeysWithValues: (Tool.allCases + [nil]).map { tool in
                let name = tool?.rawValue ?? "unknown"
                let counters = ["succeeded", "failed"].map { outcome in
                    Counter(label: "voice_tool_calls_total", dimensions: [("tool", name), ("outcome", outcome)])
                }
                return (tool, (counters[0], counters[1]))
            }
        )
    }

    func holds(_ active: Int) { self.active.record(active) }

    func committed(_ batch: CoordinatorBatch, events: Int, in duration: Duration) {
        self.events.increment(by: events)
        self.transactions.record(duration: duration)
        for result in batch.results { self.results[result.type]?.increment() }
        for completed in batch.toolsRun {
            guard let counters = self.tools[Tool(rawValue: completed.name)] else { continue }
            (completed.succeeded ? counters.succeeded : counters.failed).increment()
        }
    }

    func wasAborted() { self.aborted.increment() }
}
