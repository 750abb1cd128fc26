package import CallEvents
package import CallFlow
import JSON
import SwiftProtobuf

/// A tool of somebody else's, which the agents' file declares: the coordinator POSTs the arguments of each call.
package struct HTTPTool: Sendable, Equatable {
    package var name: String
    /// What the model is told.
    package var description: String
    /// What arguments must be like; nil only in a file with problems.
    var schema: JSONSchema?
    /// The schema as JSON text.
    var parameters: String
    /// `https`, or `http` to this machine.
    package var url: String
    /// The environment variable that holds `secret`.
    package var secretVariable: String
    /// The key of the HMAC with which calls are signed; nil until the environment was read.
    package var secret: String?
    /// Of one call with all its attempts.
    package var timeout: Duration
    /// Attempts after the first one, where they can do no harm.
    package var retries: Int
    /// To run it twice does no harm: it is tried again whatever became of the first attempt.
    package var isRepeatable: Bool

    /// What the model must put right in its arguments; nil when they are as they should be.
    package func problem(with call: ToolCall) -> ToolError? {
        do throws(ToolError) {
            try self.schema?.check(arguments: call.arguments, of: self.name)
            return nil
        } catch {
            return error
        }
    }

    /// The session waits longer than the coordinator, whose answer says more.
    private static let sessionWaits = Duration.seconds(4)

    package var definition: ToolDefinition {
        .with {
            $0.name = self.name
            $0.description_p = self.description
            $0.parameters = self.parameters
            $0.timeoutMs = UInt32((self.timeout + Self.sessionWaits) / .milliseconds(1))
        }
    }
}
