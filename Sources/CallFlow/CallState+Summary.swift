import CallEvents
import SwiftProtobuf

extension CallState {
    /// The record of results.calls.
    var summary: CallSummary {
        .with {
            $0.callSid = self.callSid
            $0.requestID = self.request.requestID
            $0.businessName = self.request.businessName
            $0.category = self.request.category
            $0.direction = self.request.direction
            $0.status = self.status
            $0.outcome = self.finalOutcome
            $0.endReason = self.endReason
            $0.requestedAt = Timestamp.rfc3339(us: self.requestedAtUs)
            if self.answeredAtUs > 0 { $0.answeredAt = Timestamp.rfc3339(us: self.answeredAtUs) }
            $0.endedAt = Timestamp.rfc3339(us: self.endedAtUs)
            $0.durationSeconds =
                self.answeredAtUs > 0 ? Double(max(0, self.endedAtUs - self.answeredAtUs) / 1000) / 1000 : 0
            $0.agents = Self.agents(in: self.conversation, after: self.droppedAgents)
            $0.handoffs = self.handoffs.map(HandoffRecord.init)
            $0.tools = self.toolStatistics
            $0.quotes = UInt32(self.quotes.count)
            $0.appointments = UInt32(self.appointments.count)
            $0.orders = UInt32(self.orders.count)
            $0.offers = UInt32(self.offers.count)
            $0.comparisons = UInt32(self.comparisons.count)
            if self.hasTone {
                $0.tone.emotion = self.tone.emotion
                $0.tone.urgency = self.tone.urgency
                $0.tone.sentiment = self.tone.sentiment
            }
            $0.answeredBy = self.answeredBy
            $0.cost = Self.dollars(nanodollars: self.costNanodollars)
            if self.hasUsage { $0.tokens = TokenCounts(self.usage) }
            if !self.turns.isEmpty { $0.latency = Latency(self.turns) }
        }
    }

    /// How the call went, when it has ended: what is known for certain, then the agent's word, then what was achieved.
    package var finalOutcome: String {
        switch self.status {
        case "busy", "canceled", "failed": return self.status
        case "no-answer": return "no_answer"
        default: break
        }
        if !self.outcome.isEmpty { return self.outcome }
        if !self.hasNoResults { return "partial" }
        return self.answeredAtUs > 0 ? "unknown" : "no_answer"
    }

    private var toolStatistics: [ToolStatistics] {
        var statistics: [ToolStatistics] = []
        for item in self.conversation {
            guard case .tool(let exchange) = item.item else { continue }
            let name = exchange.call.name
            let index = statistics.firstIndex { $0.name == name } ?? statistics.endIndex
            if index == statistics.endIndex {
                statistics.append(
                    .with {
                        $0.name = name
                        $0.succeeded = 0
                        $0.failed = 0
                    }
                )
            }
            if exchange.succeeded { statistics[index].succeeded += 1 } else { statistics[index].failed += 1 }
        }
        return statistics
    }

    /// Such as "0.1234": rounded up to a hundredth of a cent.
    package static func dollars(nanodollars: Int64) -> String {
        let units = (max(0, nanodollars) + 99_999) / 100_000
        let fraction = String(units % 10_000)
        return "\(units / 10_000).\(String(repeating: "0", count: 4 - fraction.count))\(fraction)"
    }
}

extension HandoffRecord {
    fileprivate init(_ handoff: Handoff) {
        self.init()
        self.fromAgent = handoff.fromAgent
        self.toAgent = handoff.toAgent
        self.reason = handoff.reason
        self.context = handoff.context
        self.timestamp = Timestamp.rfc3339(us: handoff.atUs)
    }
}

extension TokenCounts {
    fileprivate init(_ usage: Usage) {
        self.init()
        self.inputText = UInt32(clamping: usage.inputTextTokens)
        self.inputAudio = UInt32(clamping: usage.inputAudioTokens)
        self.cachedText = UInt32(clamping: usage.cachedTextTokens)
        self.cachedAudio = UInt32(clamping: usage.cachedAudioTokens)
        self.outputText = UInt32(clamping: usage.outputTextTokens)
        self.outputAudio = UInt32(clamping: usage.outputAudioTokens)
    }
}

extension Latency {
    fileprivate init(_ turns: [TurnMeasured]) {
        self.init()
        self.turns = UInt32(turns.count)
        let firstAudio = turns.map(\.firstAudioMs).sorted()
        let firstPlayed = turns.map(\.firstPlayedMs).sorted()
        self.firstAudioP50 = Self.percentile(50, of: firstAudio)
        self.firstAudioP95 = Self.percentile(95, of: firstAudio)
        self.firstPlayedP50 = Self.percentile(50, of: firstPlayed)
        self.firstPlayedP95 = Self.percentile(95, of: firstPlayed)
    }

    /// The nearest rank.
    private static func percentile(_ percent: Int, of sorted: [UInt32]) -> UInt32 {
        sorted.isEmpty ? 0 : sorted[max(0, (sorted.count * percent + 99) / 100 - 1)]
    }
}
