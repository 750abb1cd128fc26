/// Calls that were requested from `from` up to, and without, `to`: Unix microseconds.
package struct StatisticsQuery: Sendable, Equatable {
    package var from: Int64
    package var to: Int64

    package init(from: Int64, to: Int64) {
        self.from = from
        self.to = to
    }
}

/// How calls went. What succeeded is what ended with outcome `success`; `partial` (results, but not all that was asked
/// for) counts apart, as does every other outcome. Calls in progress are in `calls`, `inProgress` and the cost only.
package struct Statistics: Sendable, Equatable {
    package var calls = 0
    package var inProgress = 0
    package var succeeded = 0
    /// Ended calls.
    package var byOutcome: [String: Int] = [:]
    /// Ended calls, each counted for every agent that had the conversation; those with most calls first.
    package var byAgent: [Agent] = []
    /// Completed tool calls, of calls in progress too; the most used first.
    package var byTool: [Tool] = []
    /// Days on which a call was requested, in order.
    package var byDay: [Day] = []
    package var handoffs: [HandoffCount] = []
    /// From the answer to the end, of ended calls that were answered, milliseconds; nil when there is none.
    package var averageDurationMs: Int64?
    package var medianDurationMs: Int64?
    /// Of all calls; nil when there is none.
    package var averageCostNanodollars: Int64?
    package var totalCostNanodollars: Int64 = 0
    /// Over all turns, nearest rank; nil when there is none.
    package var firstAudioP50Ms: Int?
    package var firstAudioP95Ms: Int?

    package init() {}

    package struct Agent: Sendable, Equatable {
        package var agent: String
        package var calls = 0
        package var succeeded = 0
        /// Conversations that were handed to this agent, and that it handed on.
        package var handoffsIn = 0
        package var handoffsOut = 0

        package init(agent: String) {
            self.agent = agent
        }
    }

    package struct Tool: Sendable, Equatable {
        package var name: String
        package var calls: Int
        package var succeeded: Int

        package init(name: String, calls: Int, succeeded: Int) {
            self.name = name
            self.calls = calls
            self.succeeded = succeeded
        }

        package var failed: Int { self.calls - self.succeeded }
    }

    /// Ended calls that were requested on a day.
    package struct Day: Sendable, Equatable {
        /// In UTC, such as `2026-11-23`.
        package var day: String
        package var calls: Int
        package var succeeded: Int
        package var quotes: Int
        package var averageDurationMs: Int64?
        package var costNanodollars: Int64

        package init(
            day: String,
            calls: Int,
            succeeded: Int,
            quotes: Int,
            averageDurationMs: Int64?,
            costNanodollars: Int64
        ) {
            self.day = day
            self.calls = calls
            self.succeeded = succeeded
            self.quotes = quotes
            self.averageDurationMs = averageDurationMs
            self.costNanodollars = costNanodollars
        }
    }

    /// The most frequent first.
    package struct HandoffCount: Sendable, Equatable {
        package var from: String
        package var to: String
        package var count: Int

        package init(from: String, to: String, count: Int) {
            self.from = from
            self.to = to
            self.count = count
        }
    }
}
