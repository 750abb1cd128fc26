package import CallEvents
import SwiftProtobuf

extension CallState {
    /// Tool calls without an output, each of which `runTool` was asked for: a new coordinator runs them again if that
    /// is safe.
    package var unfinishedTools: [ToolCall] {
        let open = self.exchanges.filter { !$0.completed }.map(\.call)
        return open.filter { call in self.original(of: call)?.call.toolCallID == call.toolCallID }
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
        guard let original else { return [.runTool(call)] }
        guard original.completed else { return [] }
        return self.answer(call, succeeded: original.succeeded, output: original.output)
    }

    mutating func toolCompleted(_ completed: ToolCompleted) -> [CallOutput] {
        guard let exchange = self.exchanges.first(where: { $0.call.toolCallID == completed.toolCallID }),
            !exchange.completed
        else { return [] }
        var outputs: [CallOutput] = []
        if completed.succeeded, let quote = self.newQuote(in: completed, of: exchange.call) {
            self.quotes.append(quote)
            outputs.append(.quote(quote))
        }
        let key = ToolKey(exchange.call)
        for waiting in self.exchanges where !waiting.completed && ToolKey(waiting.call) == key {
            outputs += self.answer(waiting.call, succeeded: completed.succeeded, output: completed.output)
        }
        return outputs
    }

    private var exchanges: [ToolExchange] {
        self.conversation.compactMap { item in
            if case .tool(let exchange) = item.item { exchange } else { nil }
        }
    }

    /// The first call of the same tool with the same arguments.
    private func original(of call: ToolCall) -> ToolExchange? {
        let key = ToolKey(call)
        return self.exchanges.first { ToolKey($0.call) == key }
    }

    private func newQuote(in completed: ToolCompleted, of call: ToolCall) -> Quote? {
        guard Tool(rawValue: call.name) == .extractQuote, !completed.result.isEmpty else { return nil }
        var options = JSONDecodingOptions()
        options.ignoreUnknownFields = true
        guard let quote = try? Quote(jsonString: completed.result, options: options),
            !self.quotes.contains(where: { $0.quoteID == quote.quoteID })
        else { return nil }
        return quote
    }

    /// Notes the output, and tells the session: the model gets it, except that after `end_call` there is nothing more
    /// to say.
    private mutating func answer(_ call: ToolCall, succeeded: Bool, output: String) -> [CallOutput] {
        for index in self.conversation.indices where self.conversation[index].tool.call.toolCallID == call.toolCallID {
            self.conversation[index].tool.completed = true
            self.conversation[index].tool.succeeded = succeeded
            self.conversation[index].tool.output = output
        }
        guard self.phase != .ended else { return [] }
        guard succeeded, Tool(rawValue: call.name) == .endCall else {
            return [
                .command(
                    .with {
                        $0.commandID = CallID.toolResult(call.toolCallID)
                        $0.callSid = self.callSid
                        $0.toolResult.toolCallID = call.toolCallID
                        $0.toolResult.output = output
                    }
                )
            ]
        }
        guard !self.ending else { return [] }
        self.ending = true
        self.endReason = EndCall.reason(in: call.arguments) ?? Tool.endCall.rawValue
        return [
            .command(
                .with {
                    $0.commandID = CallID.goodbye(self.callSid)
                    $0.callSid = self.callSid
                    $0.endSession.reason = self.endReason
                    $0.endSession.hangUpWhenPlayed = true
                }
            )
        ]
    }
}

/// What makes two tool calls the same: the tool and its normalised arguments.
private struct ToolKey: Equatable {
    var name: String
    var arguments: String

    init(_ call: ToolCall) {
        self.name = call.name
        self.arguments = Tool(rawValue: call.name)?.normalised(call.arguments) ?? call.arguments
    }
}
