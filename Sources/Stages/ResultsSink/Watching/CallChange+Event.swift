import CallFlow
import JSON
import ResultsStore

extension CallChange {
    /// The name of the event that shows this, and what it holds; nil for what is not shown.
    func event(nowUs: Int64) -> (name: String, members: CallDocument.Members)? {
        switch self {
        case .call(let call): ("call", CallDocument.summary(of: call, nowUs: nowUs))
        case .utterance(let utterance): CallDocument.members(of: utterance).map { ("utterance", $0) }
        case .tool(let tool): ("tool", CallDocument.members(of: tool))
        case .handoff(let handoff): ("handoff", CallDocument.members(of: handoff))
        case .turn(let turn): ("turn", CallDocument.members(of: turn))
        case .moment(let moment): ("moment", CallDocument.members(of: moment))
        case .quote(let quote): ("quote", CallDocument.members(of: quote))
        case .appointment(let appointment): ("appointment", CallDocument.members(ofResult: appointment))
        case .order(let order): ("order", CallDocument.members(ofResult: order))
        case .offer(let offer): ("offer", CallDocument.members(ofResult: offer))
        case .comparison(let comparison): ("comparison", CallDocument.members(ofResult: comparison))
        }
    }
}

/// What one event has changed about a call.
struct RecordedChanges: Sendable, Equatable {
    var callSid: String
    /// Of topic events.
    var offset: Int64
    /// Unix milliseconds, as Kafka has it; nil where the store knew of it before.
    var recordedAtMs: Int64?
    var changes: [CallChange]

    func recorded(atMs recordedAtMs: Int64) -> RecordedChanges {
        var changes = self
        changes.recordedAtMs = recordedAtMs
        return changes
    }

    /// As whoever watches the call gets them. The last says that all of them were seen.
    func frames(nowUs: Int64) -> [StreamFrame] {
        let events = self.changes.compactMap { $0.event(nowUs: nowUs) }
        return events.enumerated().map { index, event in
            let isLast = index == events.count - 1
            return StreamFrame(
                event.name,
                id: CallPosition(offset: isLast ? self.offset : self.offset - 1).id,
                data: .object(self.dated(event.members)),
                recordedAtMs: self.recordedAtMs
            )
        }
    }

    /// As whoever watches all calls gets it; nil when it does not show.
    func wallFrame(_ position: WallPosition, nowUs: Int64) -> StreamFrame? {
        for case .call(let call) in self.changes {
            return StreamFrame(
                "call",
                id: position.id,
                data: .object(self.dated(CallDocument.summary(of: call, nowUs: nowUs))),
                recordedAtMs: self.recordedAtMs
            )
        }
        return nil
    }

    private func dated(_ members: CallDocument.Members) -> CallDocument.Members {
        var members = members
        members["recordedAt"] = self.recordedAtMs.map { CallDocument.time($0 * 1000) }
        return members
    }
}
