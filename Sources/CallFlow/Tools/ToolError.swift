package import CallEvents
import JSON
import SwiftProtobuf

/// Why a tool was not run or gave nothing, in words for the model.
package struct ToolError: Error, Equatable, Sendable {
    package enum Code: String, Sendable {
        /// Arguments that cannot be taken; the message tells what to put right.
        case invalidArguments = "invalid_arguments"
        /// No agent, or not this one, has such a tool.
        case unknownTool = "unknown_tool"
        /// The conversation is not handed over, or was already.
        case handoffRefused = "handoff_refused"
        /// The tool did not answer in time.
        case timeout
        /// The tool answered that it could not.
        case failed
        /// Nobody knows whether it was done: it must not be done again.
        case unknownOutcome = "unknown_outcome"
    }

    package var code: Code
    package var message: String

    package init(_ message: String, code: Code = .invalidArguments) {
        self.code = code
        self.message = message
    }

    /// There is no outcome: of a tool that must not run twice, nobody knows what it is.
    package static func unanswered(_ name: String, mayRepeat: Bool) -> ToolError {
        mayRepeat
            ? ToolError("\(name) did not answer in time. Go on without it.", code: .timeout)
            : ToolError(
                "\(name) did not answer: it may have been done or not. Do not call it again; say that it will be checked.",
                code: .unknownOutcome
            )
    }

    /// JSON text for the model.
    package var output: String {
        JSONValue.object(["error": ["code": .string(self.code.rawValue), "message": .string(self.message)]]).text
    }

    /// The completion of a call that came to nothing.
    package func completed(_ call: ToolCall) -> ToolCompleted {
        .with {
            $0.toolCallID = call.toolCallID
            $0.name = call.name
            $0.output = self.output
            $0.outcomeUnknown = self.code == .unknownOutcome
        }
    }
}
