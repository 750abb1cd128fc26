import CallEvents
import JSON
import ResultsStore

extension CallHistory {
    /// What somebody who has seen the call up to `seen` is to be sent: the call first, then what is newer in the order in
    /// which it happened.
    /// - Parameter state: the fold of the call, whose results may be newer than those that came over their topics.
    func frames(after seen: CallPosition, state: CallState?, nowUs: Int64) -> [StreamFrame] {
        var frames: [StreamFrame] = []
        if self.call.eventOffset > seen.offset {
            let summary = CallDocument.summary(of: self.call, nowUs: nowUs)
            frames.append(StreamFrame("call", id: seen.id, data: .object(summary)))
        }
        let changes = self.changes(state).filter { $0.offset > seen.offset }
            .sorted { ($0.offset, $0.place) < ($1.offset, $1.place) }
        for (index, dated) in changes.enumerated() {
            guard let event = dated.change.event(nowUs: nowUs) else { continue }
            let isLast = index + 1 == changes.count || changes[index + 1].offset > dated.offset
            let id = CallPosition(offset: max(seen.offset, isLast ? dated.offset : dated.offset - 1)).id
            frames.append(StreamFrame(event.name, id: id, data: .object(event.members)))
        }
        return frames
    }

    /// What was changed by events behind `offset`, as if each had been seen.
    func recorded(after offset: Int64, state: CallState?) -> [RecordedChanges] {
        let changes =
            self.changes(state) + [Dated(change: .call(self.call), offset: self.call.eventOffset, place: -1)]
        return Dictionary(grouping: changes.filter { $0.offset > offset }, by: \.offset).sorted { $0.key < $1.key }
            .map { offset, changes in
                RecordedChanges(
                    callSid: self.call.callSid,
                    offset: offset,
                    recordedAtMs: nil,
                    changes: changes.sorted { $0.place < $1.place }.map(\.change)
                )
            }
    }

    private struct Dated {
        var change: CallChange
        var offset: Int64
        var place: Int
    }

    private func changes(_ state: CallState?) -> [Dated] {
        let tools = Dictionary(self.tools.map { ($0.toolCallID, $0.eventOffset) }) { first, _ in first }
        let rows: [(CallChange, Int64)] =
            self.utterances.map { (.utterance($0), $0.eventOffset) } + self.tools.map { (.tool($0), $0.eventOffset) }
            + self.handoffs.map { (.handoff($0), $0.eventOffset) } + self.turns.map { (.turn($0), $0.eventOffset) }
            + self.moments.map { (.moment($0), $0.eventOffset) }
        let results = self.results(state).map { id, change in
            // A result's id is the call's and that of the tool call that made it.
            (change, tools[String(id.dropFirst(self.call.callSid.utf8.count + 1))] ?? self.call.eventOffset)
        }
        return (rows + results).enumerated().map { Dated(change: $1.0, offset: $1.1, place: $0) }
    }

    private func results(_ state: CallState?) -> [(id: String, change: CallChange)] {
        let state = state ?? CallState()
        return Self.united(self.quotes, state.quotes, \.quoteID) { .quote($0) }
            + Self.united(self.appointments, state.appointments, \.appointmentID) { .appointment($0) }
            + Self.united(self.orders, state.orders, \.orderID) { .order($0) }
            + Self.united(self.offers, state.offers, \.offerID) { .offer($0) }
            + Self.united(self.comparisons, state.comparisons, \.comparisonID) { .comparison($0) }
    }

    private static func united<Made>(
        _ stored: [Made],
        _ folded: [Made],
        _ id: (Made) -> String,
        _ change: (Made) -> CallChange
    ) -> [(id: String, change: CallChange)] {
        let known = Set(stored.map(id))
        return (stored + folded.filter { !known.contains(id($0)) }).map { (id($0), change($0)) }
    }
}
