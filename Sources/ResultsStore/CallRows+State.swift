package import CallEvents
import CallFlow
import SwiftProtobuf

// How rows are made from the fold of a call's events.

extension CallRow {
    /// - Parameter partition: of topic events.
    package init(_ call: CallState, partition: Int32) {
        self.init()
        self.callSid = call.callSid
        self.requestID = call.request.requestID
        self.phoneNumber = call.request.phoneNumber
        self.businessName = call.request.businessName
        self.userRequest = call.request.userRequest
        self.category = call.request.category
        self.userID = call.request.userID
        self.direction = call.request.direction
        self.status = call.status
        self.agent = call.agent
        self.endReason = call.endReason
        self.outcome = call.endedAtUs > 0 ? call.finalOutcome : call.outcome
        self.answeredBy = call.answeredBy
        self.requestedAtUs = call.requestedAtUs
        self.answeredAtUs = call.answeredAtUs
        self.endedAtUs = call.endedAtUs
        self.usage = call.usage
        self.costNanodollars = call.costNanodollars
        self.tone = call.tone
        self.quotes = call.quotes.count
        self.appointments = call.appointments.count
        self.orders = call.orders.count
        self.offers = call.offers.count
        self.comparisons = call.comparisons.count
        self.partition = partition
        self.eventOffset = call.appliedOffset
    }
}

extension UtteranceRow {
    init(_ utterance: Utterance, _ position: Int, of call: CallState, at offset: Int64) {
        self.init()
        self.callSid = call.callSid
        self.itemID = utterance.itemID
        self.position = position
        self.speaker = utterance.speaker == .agent ? .agent : .person
        self.agent = utterance.agent
        self.text = utterance.text
        self.heardText = utterance.heardText
        self.startedAtUs = utterance.startedAtUs
        self.interrupted = utterance.interrupted
        self.playedMs = utterance.playedMs
        self.eventOffset = offset
    }
}

extension ToolRow {
    init(_ exchange: ToolExchange, _ position: Int, of call: CallState, at offset: Int64) {
        self.init()
        self.callSid = call.callSid
        self.toolCallID = exchange.call.toolCallID
        self.position = position
        self.name = exchange.call.name
        self.agent = exchange.call.agent
        self.arguments = exchange.call.arguments
        self.startedAtUs = exchange.startedAtUs
        self.completed = exchange.completed
        self.succeeded = exchange.succeeded
        self.output = exchange.output
        self.eventOffset = offset
    }
}

extension HandoffRow {
    init(_ handoff: Handoff, _ position: Int, of call: CallState, at offset: Int64) {
        self.init()
        self.callSid = call.callSid
        self.position = position
        self.fromAgent = handoff.fromAgent
        self.toAgent = handoff.toAgent
        self.reason = handoff.reason
        self.context = handoff.context
        self.atUs = handoff.atUs
        self.eventOffset = offset
    }
}

extension TurnRow {
    init(_ turn: TurnMeasured, _ position: Int, of call: CallState, at offset: Int64) {
        self.init()
        self.callSid = call.callSid
        self.responseID = turn.responseID
        self.position = position
        self.firstAudioMs = turn.firstAudioMs
        self.firstPlayedMs = turn.firstPlayedMs
        self.eventOffset = offset
    }
}

extension MomentRow {
    /// Nil for an event that is no moment.
    init?(_ event: CallEvent, at offset: Int64) {
        guard let (kind, detail) = Self.content(of: event) else { return nil }
        self.init()
        self.callSid = event.callSid
        self.eventID = event.eventID.isEmpty ? "offset-\(offset)" : event.eventID
        self.kind = kind
        self.detail = detail
        self.atUs = event.occurredAtUs
        self.eventOffset = offset
    }

    private static func content(of event: CallEvent) -> (Kind, String)? {
        switch event.body {
        case .statusChanged(let change): (.status, change.status)
        case .streamStarted: (.stream, "started")
        case .streamStopped(let stopped): (.stream, Self.text("stopped", stopped.reason))
        case .streamStatusChanged(let change):
            change.error.isEmpty ? nil : (.stream, Self.text(change.event, change.error))
        case .sessionClaimed(let claim): (.session, "claimed by \(claim.instance)")
        case .sessionReady(let ready): (.session, ready.restored ? "restored" : "ready")
        case .sessionEnded(let ended): (.session, Self.text("ended", ended.reason))
        case .machineDetected(let machine): (.machine, machine.answeredBy)
        case .dtmfReceived(let pressed): (.digit, pressed.digit)
        case .errorOccurred(let error): (.error, Self.text(error.code, error.message))
        case .telephonyCompleted(let done):
            done.succeeded ? nil : (.error, Self.text("telephony", done.error))
        case .endRequested(let end): (.endRequested, end.reason)
        case .handoffRefused(let refused): (.handoffRefused, Self.text(refused.request.toAgent, refused.reason))
        case .timerFired(let fired): (.timer, fired.timer)
        case .requested, .callPlanned, .speechStarted, .speechStopped, .utterance, .toolRequested, .toolStarted,
            .toolCompleted, .responseDone, .agentChanged, .handoffRequested, .replyProgressed, .turnMeasured,
            .transcriptionDone, nil:
            nil
        }
    }

    private static func text(_ what: String, _ why: String) -> String { why.isEmpty ? what : "\(what): \(why)" }
}
