import Agents
import CallEvents
import CallFlow
import Metrics

/// The stage's own metrics. Names that come from outside are labels only where the agents' file has them.
struct CoordinatorMetrics: Sendable {
    private let active = Gauge(label: "voice_calls_active", dimensions: [("stage", AgentCoordinatorStage.name)])
    private let events = Counter(label: "voice_events_total", dimensions: [("stage", AgentCoordinatorStage.name)])
    private let transactions = Timer(label: "voice_transaction_seconds")
    private let aborted = Counter(label: "voice_transactions_aborted_total")
    private let duration = Timer(label: "voice_call_duration_seconds")
    private let cost = FloatingPointCounter(label: "voice_call_cost_dollars_total")
    private let agents: Set<String>
    private let tools: Set<String>

    init(_ agents: AgentBook) {
        self.agents = Set(agents.agentIDs)
        self.tools = Set(agents.toolNames)
    }

    func holds(_ active: Int) { self.active.record(active) }

    func committed(_ batch: CoordinatorBatch, events: Int, in duration: Duration) {
        self.events.increment(by: events)
        self.transactions.record(duration: duration)
        for result in batch.results {
            Counter(label: "voice_results_total", dimensions: [("type", result.type)]).increment()
            if case .call(let summary) = result { self.ended(summary) }
        }
        for completed in batch.toolsRun {
            let outcome = completed.succeeded ? "succeeded" : "failed"
            Counter(
                label: "voice_tool_calls_total",
                dimensions: [("tool", self.tool(completed.name)), ("outcome", outcome)]
            ).increment()
        }
        for handoff in batch.handoffs {
            Counter(
                label: "voice_handoffs_total",
                dimensions: [("from", self.agent(handoff.fromAgent)), ("to", self.agent(handoff.toAgent))]
            ).increment()
        }
    }

    /// A call is over: each agent that spoke in it has its part in how it went.
    private func ended(_ summary: CallSummary) {
        Counter(label: "voice_call_outcomes_total", dimensions: [("outcome", summary.outcome)]).increment()
        for agent in summary.agents {
            Counter(
                label: "voice_agent_calls_total",
                dimensions: [("agent", self.agent(agent)), ("outcome", summary.outcome)]
            ).increment()
        }
        self.duration.recordSeconds(summary.durationSeconds)
        self.cost.increment(by: Double(summary.cost) ?? 0)
    }

    func wasAborted() { self.aborted.increment() }

    private func agent(_ name: String) -> String { self.agents.contains(name) ? name : "unknown" }
    private func tool(_ name: String) -> String { self.tools.contains(name) ? name : "unknown" }
}
