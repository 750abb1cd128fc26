package import CallEvents
package import CallFlow
import JSON
import SwiftProtobuf

/// A tool of somebody else's, which the agents' file declares: the coordinator POSTs the arguments of each call.
package struct HTTPTool: Sendable, Equatable {
    package var name: String
    /// What the model is told.
    package var description: String
    /// JSON Schema of the arguments, as JSON text; only keywords that the coordinator checks.
    package var parameters: String
    /// `https`, or `http` to this machine.
    package var url: String
    /// The environment variable that holds the key of the HMAC with which requests are signed.
    package var secretVariable: String
    /// Of one attempt, in milliseconds.
    package var timeoutMs: UInt32
    /// Attempts after the first one; 0 unless `isRepeatable`.
    package var retries: UInt32
    /// To run it twice does no harm: it is tried again, and run again when nobody knows whether it was.
    package var isRepeatable: Bool

    /// The pause in front of each further attempt, in milliseconds.
    package static let retryPauseMs: UInt32 = 250

    /// After so many milliseconds all attempts are over.
    package var deadlineMs: UInt32 { (self.retries + 1) * self.timeoutMs + self.retries * Self.retryPauseMs }

    /// What the session is told: it waits somewhat longer than the coordinator, whose answer says more.
    package var definition: ToolDefinition {
        .with {
            $0.name = self.name
            $0.description_p = self.description
            $0.parameters = self.parameters
            $0.timeoutMs = self.deadlineMs + 2000
        }
    }

    /// Compares the arguments of a call with `parameters`.
    package func check(_ call: ToolCall) throws(ToolError) {
        guard let schema = (try? JSONValue(parsing: self.parameters)).flatMap({ try? JSONSchema($0) }) else { return }
        try schema.check(arguments: call.arguments, of: self.name)
    }
}
