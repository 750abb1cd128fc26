import CallFlow

/// Statistics, read: one statement for each part, all of the calls that were requested in a time.
struct StatisticsReading {
    private let session: any SQLSession
    private let range: [SQLValue]

    private static let inRange = "requested_at_us >= ? AND requested_at_us < ?"
    private static let success = "CASE WHEN outcome = 'success' THEN 1 ELSE 0 END"

    static func statistics(_ query: StatisticsQuery, _ session: any SQLSession) throws -> Statistics {
        let reading = StatisticsReading(session: session, range: [.integer(query.from), .integer(query.to)])
        var statistics = Statistics()
        try reading.total(&statistics)
        try reading.durations(&statistics)
        try reading.outcomes(&statistics)
        try reading.agents(&statistics)
        statistics.byTool = try reading.tools()
        statistics.byDay = try reading.days()
        try reading.latency(&statistics)
        return statistics
    }

    private func rows(_ sql: String, ranges: Int = 1) throws -> [SQLRow] {
        try self.session.rows(sql, Array(repeating: self.range, count: ranges).flatMap { $0 })
    }

    /// PostgreSQL's sums are of a type of their own.
    private static func sum(_ expression: String) -> String { "CAST(coalesce(sum(\(expression)), 0) AS BIGINT)" }

    private func total(_ statistics: inout Statistics) throws {
        let rows = try self.rows(
            """
            SELECT count(*), \(Self.sum("CASE WHEN ended_at_us = 0 THEN 1 ELSE 0 END")),
                \(Self.sum("cost_nanodollars"))
            FROM calls WHERE \(Self.inRange)
            """
        )
        guard let row = rows.first else { return }
        statistics.calls = Int(try row.integer(0))
        statistics.inProgress = Int(try row.integer(1))
        statistics.totalCostNanodollars = try row.integer(2)
        if statistics.calls > 0 {
            statistics.averageCostNanodollars = statistics.totalCostNanodollars / Int64(statistics.calls)
        }
    }

    private func durations(_ statistics: inout Statistics) throws {
        let answered = "FROM calls WHERE \(Self.inRange) AND ended_at_us > 0 AND answered_at_us > 0"
        let duration = "(ended_at_us - answered_at_us) / 1000"
        guard let row = try self.rows("SELECT count(*), \(Self.sum(duration)) \(answered)").first,
            case let count = try row.integer(0), count > 0
        else { return }
        statistics.averageDurationMs = try row.integer(1) / count
        let middle = try self.rows(
            "SELECT \(duration) \(answered) ORDER BY 1 LIMIT \(2 - count % 2) OFFSET \((count - 1) / 2)"
        ).map { try $0.integer(0) }
        if !middle.isEmpty { statistics.medianDurationMs = middle.reduce(0, +) / Int64(middle.count) }
    }

    private func outcomes(_ statistics: inout Statistics) throws {
        let rows = try self.rows(
            "SELECT outcome, count(*) FROM calls WHERE \(Self.inRange) AND ended_at_us > 0 GROUP BY outcome"
        )
        for row in rows { statistics.byOutcome[try row.text(0)] = Int(try row.integer(1)) }
        statistics.succeeded = statistics.byOutcome["success"] ?? 0
    }

    /// An agent had the conversation when it was handed to it or by it, or when it had it at last.
    private func agents(_ statistics: inout Statistics) throws {
        let handedOver = "FROM handoffs h JOIN calls c ON c.call_sid = h.call_sid WHERE \(Self.inRange)"
        let ended = "ended_at_us > 0"
        var agents: [String: Statistics.Agent] = [:]
        let counts = try self.rows(
            """
            SELECT agent, count(*), \(Self.sum(Self.success)) FROM (
                SELECT call_sid, agent, outcome FROM calls WHERE \(Self.inRange) AND \(ended) AND agent <> ''
                UNION SELECT c.call_sid, h.from_agent, c.outcome \(handedOver) AND \(ended)
                UNION SELECT c.call_sid, h.to_agent, c.outcome \(handedOver) AND \(ended)
            ) AS had GROUP BY agent
            """,
            ranges: 3
        )
        for row in counts {
            var agent = Statistics.Agent(agent: try row.text(0))
            agent.calls = Int(try row.integer(1))
            agent.succeeded = Int(try row.integer(2))
            agents[agent.agent] = agent
        }
        let handoffs = try self.rows(
            """
            SELECT h.from_agent, h.to_agent, count(*) \(handedOver)
            GROUP BY h.from_agent, h.to_agent ORDER BY 3 DESC, 1, 2
            """
        )
        for row in handoffs {
            let (from, to, count) = (try row.text(0), try row.text(1), Int(try row.integer(2)))
            statistics.handoffs.append(Statistics.HandoffCount(from: from, to: to, count: count))
            agents[from, default: Statistics.Agent(agent: from)].handoffsOut += count
            agents[to, default: Statistics.Agent(agent: to)].handoffsIn += count
        }
        statistics.byAgent = agents.values.sorted { ($1.calls, $0.agent) < ($0.calls, $1.agent) }
    }

    private func tools() throws -> [Statistics.Tool] {
        try self.rows(
            """
            SELECT t.name, count(*), \(Self.sum("CASE WHEN t.succeeded THEN 1 ELSE 0 END"))
            FROM tool_calls t JOIN calls c ON c.call_sid = t.call_sid WHERE \(Self.inRange) AND t.completed
            GROUP BY t.name ORDER BY 2 DESC, 1
            """
        )
        .map {
            Statistics.Tool(
                name: try $0.text(0),
                calls: Int(try $0.integer(1)),
                succeeded: Int(try $0.integer(2))
            )
        }
    }

    private func days() throws -> [Statistics.Day] {
        let dayUs: Int64 = 86_400_000_000
        let answered = "answered_at_us > 0"
        return try self.rows(
            """
            SELECT requested_at_us / \(dayUs), count(*), \(Self.sum(Self.success)), \(Self.sum("quotes")),
                \(Self.sum("CASE WHEN \(answered) THEN 1 ELSE 0 END")),
                \(Self.sum("CASE WHEN \(answered) THEN (ended_at_us - answered_at_us) / 1000 ELSE 0 END")),
                \(Self.sum("cost_nanodollars"))
            FROM calls WHERE \(Self.inRange) AND ended_at_us > 0 GROUP BY 1 ORDER BY 1
            """
        )
        .map { row in
            let count = try row.integer(4)
            return Statistics.Day(
                day: String(Timestamp.rfc3339(us: try row.integer(0) * dayUs).prefix(10)),
                calls: Int(try row.integer(1)),
                succeeded: Int(try row.integer(2)),
                quotes: Int(try row.integer(3)),
                averageDurationMs: count > 0 ? try row.integer(5) / count : nil,
                costNanodollars: try row.integer(6)
            )
        }
    }

    private func latency(_ statistics: inout Statistics) throws {
        let turns = "FROM turns t JOIN calls c ON c.call_sid = t.call_sid WHERE \(Self.inRange)"
        guard let count = try self.rows("SELECT count(*) \(turns)").first?.integer(0), count > 0 else { return }
        func percentile(_ percent: Int64) throws -> Int? {
            try self.rows(
                """
                SELECT t.first_audio_ms \(turns)
                ORDER BY 1 LIMIT 1 OFFSET \(max(0, (count * percent + 99) / 100 - 1))
                """
            )
            .first.map { Int(try $0.integer(0)) }
        }
        statistics.firstAudioP50Ms = try percentile(50)
        statistics.firstAudioP95Ms = try percentile(95)
    }
}
