import CallEvents

// Tools run elsewhere: the model asks, the conversation goes on, and the output follows when it comes, or when it is late.
extension Conversation {
    mutating func request(
        _ call: ModelResponse.ToolCall,
        in responseID: String,
        atUs: Int64
    ) -> [ConversationAction] {
        var requested = ToolRequested()
        requested.responseID = responseID
        requested.call.toolCallID = call.callID
        requested.call.itemID = call.itemID
        requested.call.name = call.name
        requested.call.arguments = call.arguments
        requested.call.agent = self.agent.agent
        self.history.toolRequested(requested.call)
        return [
            self.publish("tool-requested", call.callID, .toolRequested(requested), atUs),
            .schedule(.toolTimeout(call.callID), after: self.timeout(of: call.name)),
        ]
    }

    mutating func toolAnswered(_ result: ToolResult) -> [ConversationAction] {
        guard self.history.toolAnswered(result.toolCallID, output: result.output) else { return [] }
        // A session that is not ready yet is told with the history.
        guard self.phase == .ready else { return [] }
        guard self.lateTools.remove(result.toolCallID) == nil else { return self.tellLate(result) }
        return self.give(result.output, of: result.toolCallID)
    }

    private mutating func give(_ output: String, of callID: String) -> [ConversationAction] {
        let itemID = self.newOutputID()
        _ = self.gate.toolAnswered(callID, outputItemID: itemID)
        let item = ModelCommand.Item.toolOutput(itemID: itemID, callID: callID, output: output)
        return [.send(.add(item, after: nil))]
    }

    /// A call has one output only, and this one's says that there was none: the result is told beside it.
    private mutating func tellLate(_ result: ToolResult) -> [ConversationAction] {
        let name = self.history.tool(result.toolCallID)?.call.name ?? "The tool"
        self.gate.respond()
        return [.send(.add(.note("\(name) has answered after all: \(result.output)"), after: nil))]
    }

    mutating func toolIsLate(_ callID: String) -> [ConversationAction] {
        guard self.phase == .ready, let exchange = self.history.tool(callID), !exchange.completed,
            self.lateTools.insert(callID).inserted
        else { return [] }
        return self.give(Self.lateOutput, of: callID) + self.askForResponse()
    }

    /// A new session of the model waits as long as the first one did.
    func awaitUnfinishedTools() -> [ConversationAction] {
        self.history.items.compactMap { item in
            guard item.isTool, !item.tool.completed else { return nil }
            let call = item.tool.call
            return .schedule(.toolTimeout(call.toolCallID), after: self.timeout(of: call.name))
        }
    }

    private func timeout(of name: String) -> Duration {
        let own = self.agent.tools.first { $0.name == name }?.timeoutMs ?? 0
        return own > 0 ? .milliseconds(Int(own)) : self.policy.toolTimeout
    }

    private static let lateOutput =
        #"{"error":"no_answer_in_time","message":"It has not answered yet. Go on without it; you are told if it does."}"#
}
