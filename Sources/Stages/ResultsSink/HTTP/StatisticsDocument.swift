import CallFlow
import JSON
import ResultsStore

/// The answer of `GET /api/voice/stats`. Rates are parts of 1, of the calls that ended; null where there was none.
enum StatisticsDocument {
    static func json(of statistics: Statistics, for query: StatisticsQuery) -> JSONValue {
        [
            "from": CallDocument.time(query.from), "to": CallDocument.time(query.to),
            "calls": .integer(statistics.calls), "inProgress": .integer(statistics.inProgress),
            "outcomes": .object(statistics.byOutcome.mapValues { .integer($0) }),
            "successRate": self.rate(statistics.succeeded, of: statistics.calls - statistics.inProgress),
            "averageDurationSeconds": self.seconds(statistics.averageDurationMs),
            "medianDurationSeconds": self.seconds(statistics.medianDurationMs),
            "totalCost": CallDocument.dollars(statistics.totalCostNanodollars),
            "averageCost": statistics.averageCostNanodollars.map(CallDocument.dollars) ?? .null,
            "firstAudioMs": [
                "p50": self.number(statistics.firstAudioP50Ms), "p95": self.number(statistics.firstAudioP95Ms),
            ],
            "byAgent": .array(statistics.byAgent.map(self.json)),
            "byTool": .array(statistics.byTool.map(self.json)),
            "byDay": .array(statistics.byDay.map(self.json)),
            "handoffs": .array(
                statistics.handoffs.map {
                    ["fromAgent": .string($0.from), "toAgent": .string($0.to), "count": .integer($0.count)]
                }
            ),
        ]
    }

    private static func json(_ agent: Statistics.Agent) -> JSONValue {
        [
            "agent": .string(agent.agent), "calls": .integer(agent.calls), "succeeded": .integer(agent.succeeded),
            "successRate": self.rate(agent.succeeded, of: agent.calls), "handoffsIn": .integer(agent.handoffsIn),
            "handoffsOut": .integer(agent.handoffsOut),
        ]
    }

    private static func json(_ tool: Statistics.Tool) -> JSONValue {
        [
            "name": .string(tool.name), "calls": .integer(tool.calls), "succeeded": .integer(tool.succeeded),
            "failed": .integer(tool.failed), "successRate": self.rate(tool.succeeded, of: tool.calls),
        ]
    }

    private static func json(_ day: Statistics.Day) -> JSONValue {
        [
            "day": .string(day.day), "calls": .integer(day.calls), "succeeded": .integer(day.succeeded),
            "quotes": .integer(day.quotes), "averageDurationSeconds": self.seconds(day.averageDurationMs),
            "cost": CallDocument.dollars(day.costNanodollars),
        ]
    }

    private static func rate(_ part: Int, of whole: Int) -> JSONValue {
        whole > 0 ? .number(Double(part) / Double(whole)) : .null
    }

    private static func seconds(_ ms: Int64?) -> JSONValue {
        ms.map { .number(Double($0) / 1000) } ?? .null
    }

    private static func number(_ value: Int?) -> JSONValue {
        value.map { .integer($0) } ?? .null
    }
}
