import Agents
import CallEvents
import CallFlow
import SwiftProtobuf

/// States of calls, for the tests of this module.
enum Calls {
    static let callSid = "CA0123456789abcdef0123456789abcdef"
    /// Tuesday, 2023-11-14, 22:13:20 UTC.
    static let nowUs: Int64 = 1_700_000_000_000_000

    /// A call that was requested and not planned.
    static func requested(_ change: (inout CallRequested) -> Void = { _ in }) -> CallState {
        var state = CallState(callSid: Self.callSid)
        state.phase = .requested
        state.request.requestID = "req-1"
        state.request.businessName = "Test Business"
        state.request.userRequest = "Get quote for service"
        state.request.category = "general"
        state.request.direction = "outbound-api"
        change(&state.request)
        return state
    }

    static func inbound() -> CallState {
        Self.requested {
            $0 = CallRequested()
            $0.requestID = Self.callSid
            $0.direction = "inbound"
        }
    }

    /// A call in which this agent speaks.
    static func speaking(_ agent: String, handoffs: Int = 0, of book: AgentBook) -> CallState {
        var state = Self.requested()
        state.phase = .inProgress
        state.agent = agent
        state.limits = book.plan(for: state, atUs: Self.nowUs).limits
        for number in 0..<handoffs {
            state.handoffs.append(
                .with {
                    $0.fromAgent = "main_concierge"
                    $0.toAgent = "order_placer"
                    $0.reason = "reason \(number)"
                }
            )
        }
        return state
    }

    static func asks(_ name: String, _ arguments: String, by agent: String = "main_concierge") -> ToolCall {
        .with {
            $0.toolCallID = "c1"
            $0.name = name
            $0.arguments = arguments
            $0.agent = agent
        }
    }
}
