package import CallEvents
import SwiftProtobuf

extension CallState {
    /// Tool calls without an output, each of which an effect was asked for.
    var unfinishedTools: [ToolExchange] {
        let open = self.exchanges.filter { !$0.completed }
        return open.filter { self.original(of: $0.call)?.call.toolCallID == $0.call.toolCallID }
    }

    mutating func toolRequested(_ requested: ToolCall) -> [CallOutput] {
        guard !requested.toolCallID.isEmpty,
            !self.exchanges.contains(where: { $0.call.toolCallID == requested.toolCallID })
        else { return [] }
        var call = requested
        if call.agent.isEmpty { call.agent = self.agent }
        let original = self.original(of: call)
        self.conversation.append(.with { $0.tool.call = call })
        // The model may ask the same thing again under a new id: it is done once and answered each time.
        guard let original else { return [.effect(.runTool(call))] }
        guard original.completed else { return [] }
        return self.answer(call, succeeded: original.succeeded, output: original.output)
    }

    mutating func toolStarted(_ started: ToolStarted, atUs: Int64) -> [CallOutput] {
        let exchange = self.exchanges.first { $0.call.toolCallID == started.toolCallID }
        guard let exchange, !exchange.completed, exchange.startedAtUs == 0 else { return [] }
        self.change(started.toolCallID) {
            $0.startedAtUs = atUs
            $0.started = started
        }
        // What the coordinator does itself takes no time, and is done already.
        return started.timeoutMs > 0 ? [.effect(.beginTool(exchange.call))] : []
    }

    /// Whether it is written down that this tool call is begun.
    package func hasStarted(_ call: ToolCall) -> Bool {
        self.exchanges.contains { $0.call.toolCallID == call.toolCallID && $0.startedAtUs > 0 }
    }

    mutating func toolCompleted(_ completed: ToolCompleted, atUs: Int64) -> [CallOutput] {
        guard let exchange = self.exchanges.first(where: { $0.call.toolCallID == completed.toolCallID }),
            !exchange.completed
        else { return [] }
        var outputs: [CallOutput] = []
        self.change(completed.toolCallID) { $0.outcomeUnknown = completed.outcomeUnknown }
        if completed.succeeded {
            outputs += self.take(completed.result, of: exchange.call)
            outputs += self.consequences(of: completed, exchange.call, atUs: atUs)
        }
        let key = ToolKey(exchange.call)
        for waiting in self.exchanges
        where !waiting.completed && waiting.call.name == exchange.call.name && ToolKey(waiting.call) == key {
            outputs += self.answer(waiting.call, succeeded: completed.succeeded, output: completed.output)
        }
        return outputs
    }

    private var exchanges: [ToolExchange] {
        self.conversation.compactMap { item in
            if case .tool(let exchange) = item.item { exchange } else { nil }
        }
    }

    /// The first call of the same tool with the same arguments, unless it failed for certain: that may be tried again.
    private func original(of call: ToolCall) -> ToolExchange? {
        let key = ToolKey(call)
        return self.exchanges.first {
            $0.call.name == call.name && (!$0.completed || $0.succeeded || $0.outcomeUnknown) && ToolKey($0.call) == key
        }
    }

    private mutating func change(_ toolCallID: String, _ body: (inout ToolExchange) -> Void) {
        for index in self.conversation.indices where self.conversation[index].tool.call.toolCallID == toolCallID {
            body(&self.conversation[index].tool)
        }
    }

    /// What a tool's success means for the call, beside what the model is told.
    private mutating func consequences(of completed: ToolCompleted, _ call: ToolCall, atUs: Int64) -> [CallOutput] {
        if completed.hasAgentChanged { return self.handedOver(completed, call) }
        switch Tool(rawValue: call.name) {
        case .endCall: return self.sayGoodbye(call, atUs: atUs)
        case .sendDigits: return self.sendDigits(call)
        case .noteTone:
            if let tone = NoteTone.tone(in: call.arguments, atUs: atUs) { self.tone = tone }
            return []
        case .reportVoicemail: return self.voicemailReported(call, atUs: atUs)
        case .extractQuote, .scheduleAppointment, .placeOrder, .recordSpecialOffer, .validateQuote, .compareQuotes, nil:
            return []
        }
    }

    private mutating func sayGoodbye(_ call: ToolCall, atUs: Int64) -> [CallOutput] {
        guard self.phase != .ended, !self.ending else { return [] }
        if let outcome = EndCall.outcome(in: call.arguments), self.outcome.isEmpty { self.outcome = outcome }
        return self.hangUpWhenPlayed(reason: EndCall.reason(in: call.arguments) ?? Tool.endCall.rawValue, atUs: atUs)
    }

    /// Hangs up when everything said so far was played.
    mutating func hangUpWhenPlayed(reason: String, atUs: Int64) -> [CallOutput] {
        guard self.phase != .ended, !self.ending else { return [] }
        self.ending = true
        self.endingAtUs = atUs
        self.endReason = reason
        return [
            self.command(CallID.goodbye(self.callSid)) {
                $0.endSession.reason = reason
                $0.endSession.hangUpWhenPlayed = true
            }
        ]
    }

    private func sendDigits(_ call: ToolCall) -> [CallOutput] {
        guard self.phase != .ended, !self.ending, let digits = SendDigits.digits(in: call.arguments) else { return [] }
        return [
            self.telephony(CallID.digits(self.callSid, toolCallID: call.toolCallID)) {
                $0.playDigits.digits = digits
                $0.playDigits.streamEpoch = self.streamEpoch
            }
        ]
    }

    /// Notes the output, and tells the session.
    mutating func answer(_ call: ToolCall, succeeded: Bool, output: String) -> [CallOutput] {
        self.change(call.toolCallID) {
            $0.completed = true
            $0.succeeded = succeeded
            $0.output = output
        }
        // After a goodbye there is nothing more to say: the model gets no output.
        guard self.phase != .ended, !succeeded || Tool(rawValue: call.name) != .endCall else { return [] }
        return [
            self.command(CallID.toolResult(call.toolCallID)) {
                $0.toolResult.toolCallID = call.toolCallID
                $0.toolResult.output = output
            }
        ]
    }
}

/// What makes two tool calls the same: the tool and its normalised arguments; of a tool that may be used in the same way
/// again, such as for pressing a key, the call's id.
private struct ToolKey: Equatable {
    var name: String
    var arguments: String

    init(_ call: ToolCall) {
        self.name = call.name
        let isRepeated = call.name.hasPrefix(Tool.transferPrefix) || Tool(rawValue: call.name)?.mayRepeat == true
        self.arguments =
            isRepeated ? call.toolCallID : Tool(rawValue: call.name)?.normalised(call.arguments) ?? call.arguments
    }
}
