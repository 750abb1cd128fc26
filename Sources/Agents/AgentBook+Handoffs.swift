package import CallEvents
import CallFlow
import JSON
import SwiftProtobuf

extension AgentBook {
    /// Decides on a `transfer_to_*` call: its completion hands the conversation over, or tells the model why not.
    /// - Parameters:
    ///   - otherQuotes: of other calls of the same request.
    ///   - atUs: now, Unix microseconds.
    package func handOver(
        _ call: ToolCall,
        in state: CallState,
        otherQuotes: [Quote] = [],
        atUs: Int64
    ) -> ToolCompleted {
        do throws(ToolError) {
            let handoff = try self.handoff(call, in: state, atUs: atUs)
            let change = try self.change(handoff, in: state, otherQuotes: otherQuotes)
            return .with {
                $0.toolCallID = call.toolCallID
                $0.name = call.name
                $0.succeeded = true
                $0.output =
                    JSONValue.object([
                        "status": "handed_over", "from": .string(handoff.fromAgent), "to": .string(handoff.toAgent),
                        "reason": .string(handoff.reason), "context": .string(handoff.context),
                    ]).text
                $0.agentChanged = change
            }
        } catch {
            return error.completed(call)
        }
    }

    /// Decides on a handoff that somebody outside asks for: to any agent, since whoever asks knows better. The event is
    /// `agentChanged`, or `handoffRefused` with the reason.
    /// - Parameters:
    ///   - otherQuotes: of other calls of the same request.
    ///   - atUs: now, Unix microseconds.
    package func decide(
        _ pending: PendingHandoff,
        in state: CallState,
        otherQuotes: [Quote] = [],
        atUs: Int64
    ) -> CallEvent.OneOf_Body {
        let request = pending.request
        let handoff = Handoff.with {
            $0.fromAgent = state.agent
            $0.toAgent = request.toAgent
            $0.reason = String(request.reason.prefix(Self.maxReason))
            $0.context = String(request.context.prefix(Self.maxContext))
            $0.atUs = atUs
        }
        do throws(ToolError) {
            return .agentChanged(try self.change(handoff, in: state, otherQuotes: otherQuotes))
        } catch {
            return .handoffRefused(
                .with {
                    $0.request = request
                    $0.reason = error.message
                }
            )
        }
    }

    private static let maxReason = 500
    private static let maxContext = 2000

    /// What an agent asks for, if it may.
    private func handoff(_ call: ToolCall, in state: CallState, atUs: Int64) throws(ToolError) -> Handoff {
        let target = call.name.hasPrefix(Tool.transferPrefix) ? call.name.dropFirst(Tool.transferPrefix.count) : ""
        let from = call.agent.isEmpty ? state.agent : call.agent
        guard from == state.agent else {
            throw ToolError("\(state.agent) has the conversation already.", code: .handoffRefused)
        }
        let targets = self.handoffs(of: from)
        guard target == from || targets.contains(String(target)) else {
            let names = targets.map { Tool.transferPrefix + $0 }.joined(separator: ", ")
            throw ToolError("There is no tool \(call.name). To hand over there are: \(names).", code: .unknownTool)
        }
        guard let arguments = try? JSONValue(parsing: call.arguments), arguments.objectValue != nil else {
            throw ToolError("The arguments of \(call.name) are not a JSON object. Call it again.")
        }
        let reason = Self.text(arguments["reason"], limit: Self.maxReason)
        guard !reason.isEmpty else { throw ToolError("reason is required, as text. Call \(call.name) again.") }
        return .with {
            $0.fromAgent = from
            $0.toAgent = String(target)
            $0.reason = reason
            $0.context = Self.text(arguments["context"], limit: Self.maxContext)
            $0.atUs = atUs
        }
    }

    /// Models put a list or an object where a text is asked for: it is taken as it is written.
    private static func text(_ value: JSONValue?, limit: Int) -> String {
        switch value {
        case nil, .null: ""
        case .string(let text): String(text.split(whereSeparator: \.isWhitespace).joined(separator: " ").prefix(limit))
        case .some(let value): String(value.text.prefix(limit))
        }
    }

    /// What holds for every handoff, whoever asks for it.
    private func change(
        _ handoff: Handoff,
        in state: CallState,
        otherQuotes: [Quote]
    ) throws(ToolError) -> AgentChanged {
        guard state.phase != .ended, !state.ending else {
            throw ToolError("The call is at its end.", code: .handoffRefused)
        }
        guard !state.agent.isEmpty else { throw ToolError("The call has not begun.", code: .handoffRefused) }
        guard handoff.toAgent != state.agent else {
            throw ToolError("\(handoff.toAgent) has the conversation already.", code: .handoffRefused)
        }
        let limit = state.hasLimits ? state.limits.maxHandoffs : self.limits.maxHandoffs
        guard state.handoffs.count < Int(limit) else {
            throw ToolError(
                "This conversation was handed over \(state.handoffs.count) times, which is as often as it may be. "
                    + "\(state.agent) goes on and brings it to an end.",
                code: .handoffRefused
            )
        }
        guard
            let session = self.session(
                of: handoff.toAgent,
                in: state,
                handoff: handoff,
                otherQuotes: otherQuotes,
                atUs: handoff.atUs
            )
        else {
            let known = self.agentIDs.joined(separator: ", ")
            throw ToolError("There is no agent \(handoff.toAgent); there are: \(known).", code: .handoffRefused)
        }
        return .with {
            $0.handoff = handoff
            $0.agent = session
        }
    }
}
