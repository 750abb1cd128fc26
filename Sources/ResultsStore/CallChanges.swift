package import CallEvents
import CallFlow
import SwiftProtobuf

/// What events change. The store makes rows of it and the live stream what it sends: both show the same.
package enum CallChanges {
    /// The changes that the event at `offset` makes: the call first, when anything about it is different besides its
    /// offset, then what is new or different in the conversation, and the results that were added.
    ///
    /// - Parameters:
    ///   - before: the fold of all events before; nil when this is the first.
    ///   - after: the same with this event.
    package static func of(
        _ event: CallEvent,
        at offset: Int64,
        partition: Int32,
        before: CallState?,
        after: CallState
    ) -> [CallChange] {
        var changes: [CallChange] = []
        let call = CallRow(after, partition: partition)
        var known = before.map { CallRow($0, partition: partition) }
        known?.eventOffset = call.eventOffset
        if known != call { changes.append(.call(call)) }
        let before = before ?? CallState(callSid: after.callSid)
        changes += self.conversation(before: before, after: after, at: offset)
        for position in after.handoffs.indices.dropFirst(before.handoffs.count) {
            changes.append(.handoff(HandoffRow(after.handoffs[position], position, of: after, at: offset)))
        }
        if let turn = self.turn(event, before: before, after: after, at: offset) { changes.append(.turn(turn)) }
        if !before.fences(event), let moment = MomentRow(event, at: offset) { changes.append(.moment(moment)) }
        changes += self.results(before: before, after: after)
        return changes
    }

    /// All rows that can be made of a state alone, as if its last event had changed everything.
    static func all(of state: CallState, partition: Int32) -> [CallChange] {
        let nothing = CallState(callSid: state.callSid)
        let offset = state.appliedOffset
        return [.call(CallRow(state, partition: partition))]
            + self.conversation(before: nothing, after: state, at: offset)
            + state.handoffs.enumerated().map { .handoff(HandoffRow($1, $0, of: state, at: offset)) }
            + state.turns.enumerated().map { .turn(TurnRow($1, $0, of: state, at: offset)) }
    }

    private static func conversation(before: CallState, after: CallState, at offset: Int64) -> [CallChange] {
        // Mostly the same array, which costs nothing to find out.
        if before.conversation == after.conversation { return [] }
        let (old, new) = (Place.all(of: before), Place.all(of: after))
        // Mostly something at the end.
        var same = 0
        while same < min(old.count, new.count), old[same] == new[same] { same += 1 }
        var known: [String: Place] = [:]
        for place in old[same...] { known[place.id] = place }
        return new[same...].compactMap { place in
            if let known = known[place.id], known.position == place.position, known.item.item == place.item.item {
                return nil
            }
            return place.change(of: after, at: offset)
        }
    }

    private static func turn(
        _ event: CallEvent,
        before: CallState,
        after: CallState,
        at offset: Int64
    ) -> TurnRow? {
        guard case .turnMeasured(let turn) = event.body, after.turns.last == turn,
            before.turns.last?.responseID != turn.responseID
        else { return nil }
        var row = TurnRow(turn, Place.end(of: after), of: after, at: offset)
        row.atUs = event.occurredAtUs
        return row
    }

    private static func results(before: CallState, after: CallState) -> [CallChange] {
        after.quotes.dropFirst(before.quotes.count).map { .quote($0) }
            + after.appointments.dropFirst(before.appointments.count).map { .appointment($0) }
            + after.orders.dropFirst(before.orders.count).map { .order($0) }
            + after.offers.dropFirst(before.offers.count).map { .offer($0) }
            + after.comparisons.dropFirst(before.comparisons.count).map { .comparison($0) }
    }
}

/// An item and where it stands in the whole conversation: what is not in the state any more has its place too.
private struct Place: Equatable {
    var position: Int
    var item: ConversationItem

    static func all(of call: CallState) -> [Place] {
        var dropped = 0
        return call.conversation.enumerated().map { index, item in
            dropped += Int(item.droppedBefore)
            return Place(position: index + dropped, item: item)
        }
    }

    static func end(of call: CallState) -> Int {
        call.conversation.reduce(call.conversation.count) { $0 + Int($1.droppedBefore) }
    }

    var id: String {
        switch self.item.item {
        case .utterance(let utterance): "utterance/\(utterance.itemID)"
        case .tool(let exchange): "tool/\(exchange.call.toolCallID)"
        case nil: ""
        }
    }

    func change(of call: CallState, at offset: Int64) -> CallChange? {
        switch self.item.item {
        case .utterance(let utterance):
            .utterance(UtteranceRow(utterance, self.position, of: call, at: offset))
        case .tool(let exchange): .tool(ToolRow(exchange, self.position, of: call, at: offset))
        case nil: nil
        }
    }
}
