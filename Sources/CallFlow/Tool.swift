package import CallEvents
import SwiftProtobuf

/// What a tool may know of the call besides its arguments.
package struct ToolContext: Sendable, Equatable {
    package var callSid: String
    package var requestID: String
    package var businessName: String
    /// When the tool runs, Unix microseconds.
    package var atUs: Int64

    package init(callSid: String, requestID: String, businessName: String, atUs: Int64) {
        self.callSid = callSid
        self.requestID = requestID
        self.businessName = businessName
        self.atUs = atUs
    }

    package init(_ state: CallState, atUs: Int64) {
        self.init(
            callSid: state.callSid,
            requestID: state.request.requestID,
            businessName: state.request.businessName,
            atUs: atUs
        )
    }
}

/// The tools that agents can be given. All are pure: running one again is always safe.
package enum Tool: String, CaseIterable, Sendable {
    case extractQuote = "extract_quote"
    case endCall = "end_call"

    /// What the model is told about the tool.
    package var definition: ToolDefinition {
        switch self {
        case .extractQuote: ExtractQuote.definition
        case .endCall: EndCall.definition
        }
    }

    /// Runs the tool that the model asks for. Nothing that the model can send makes this fail: wrong arguments and
    /// unknown tools give an output from which it can correct itself.
    package static func run(_ call: ToolCall, in context: ToolContext) -> ToolCompleted {
        do throws(ToolArgumentsError) {
            let outcome = try Self.outcome(of: call, in: context)
            return .with {
                $0.toolCallID = call.toolCallID
                $0.name = call.name
                $0.succeeded = true
                $0.output = outcome.output
                $0.result = outcome.result
            }
        } catch {
            return .with {
                $0.toolCallID = call.toolCallID
                $0.name = call.name
                $0.output = error.output
            }
        }
    }

    private static func outcome(of call: ToolCall, in context: ToolContext) throws(ToolArgumentsError) -> Outcome {
        switch Tool(rawValue: call.name) {
        case .extractQuote: return try ExtractQuote.run(call, in: context)
        case .endCall: return try EndCall.run(call)
        case nil:
            let known = Self.allCases.map(\.rawValue).joined(separator: ", ")
            throw ToolArgumentsError("There is no tool \(call.name). The tools are: \(known).")
        }
    }

    /// The arguments in one form for all spellings of the same thing, for comparison only.
    func normalised(_ arguments: String) -> String {
        switch self {
        case .extractQuote: ExtractQuote.normalised(arguments)
        case .endCall: EndCall.normalised(arguments)
        }
    }

    struct Outcome {
        /// JSON text for the model.
        var output: String
        /// Proto3 JSON of what the tool made; empty when it made nothing.
        var result = ""
    }
}
