package import CallEvents
package import CallFlow
import SwiftProtobuf

/// What one consumed batch adds to the store: of each row the newest.
package struct ResultsBatch: Sendable {
    var calls: [String: CallRow] = [:]
    var states: [String: CallState] = [:]
    var utterances: [RowKey: UtteranceRow] = [:]
    var tools: [RowKey: ToolRow] = [:]
    var handoffs: [RowKey: HandoffRow] = [:]
    var turns: [RowKey: TurnRow] = [:]
    var moments: [RowKey: MomentRow] = [:]
    var quotes: [String: ResultRow<Quote>] = [:]
    var appointments: [String: ResultRow<Appointment>] = [:]
    var orders: [String: ResultRow<Order>] = [:]
    var offers: [String: ResultRow<Offer>] = [:]
    var comparisons: [String: ResultRow<Comparison>] = [:]
    /// The offset to consume next, by partition.
    package var positions: [ResultsPosition: Int64] = [:]

    package init() {}

    /// Adds a call as it is after the last of its events in the batch.
    /// - Parameter partition: of topic events.
    package mutating func add(_ state: CallState, partition: Int32) {
        self.states[state.callSid] = state
        self.calls[state.callSid] = CallRow(state, partition: partition)
    }

    /// Adds what an event has changed about the conversation; events in their order. The call is added by its state, and
    /// results by their own topics.
    package mutating func add(_ changes: [CallChange]) {
        for change in changes {
            switch change {
            case .utterance(let row): self.utterances[RowKey(row.callSid, row.itemID)] = row
            case .tool(let row): self.tools[RowKey(row.callSid, row.toolCallID)] = row
            case .handoff(let row): self.handoffs[RowKey(row.callSid, String(row.position))] = row
            case .turn(let row): self.turns[RowKey(row.callSid, row.responseID)] = row
            case .moment(let row): self.moments[RowKey(row.callSid, row.eventID)] = row
            case .call, .quote, .appointment, .order, .offer, .comparison: break
            }
        }
    }

    /// Adds a result from its topic; transcripts and summaries tell nothing that events do not.
    package mutating func add(_ result: CallResult, at offset: Int64) {
        switch result {
        case .quote(let made): Self.add(made, offset, made.quoteID, to: &self.quotes)
        case .appointment(let made): Self.add(made, offset, made.appointmentID, to: &self.appointments)
        case .order(let made): Self.add(made, offset, made.orderID, to: &self.orders)
        case .offer(let made): Self.add(made, offset, made.offerID, to: &self.offers)
        case .comparison(let made): Self.add(made, offset, made.comparisonID, to: &self.comparisons)
        case .transcript, .call: break
        }
    }

    private static func add<Made>(
        _ made: Made,
        _ offset: Int64,
        _ id: String,
        to rows: inout [String: ResultRow<Made>]
    ) {
        if let known = rows[id], known.offset >= offset { return }
        rows[id] = ResultRow(made: made, offset: offset)
    }
}

/// A row of a call.
struct RowKey: Hashable, Sendable {
    var callSid: String
    var id: String

    init(_ callSid: String, _ id: String) {
        self.callSid = callSid
        self.id = id
    }
}

extension RowKey: Comparable {
    static func < (left: Self, right: Self) -> Bool { (left.callSid, left.id) < (right.callSid, right.id) }
}
