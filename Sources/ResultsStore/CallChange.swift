package import CallEvents

/// What is different about a call after an event. Whoever takes a change in replaces what has the same id.
package enum CallChange: Sendable, Equatable {
    case call(CallRow)
    case utterance(UtteranceRow)
    case tool(ToolRow)
    case handoff(HandoffRow)
    case turn(TurnRow)
    case moment(MomentRow)
    case quote(Quote)
    case appointment(Appointment)
    case order(Order)
    case offer(Offer)
    case comparison(Comparison)
}
