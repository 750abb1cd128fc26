/// Reads a stage's configuration from the environment, remembers every problem, and knows each variable for `--help`.
///
/// A configuration struct is made by one initialiser that asks for each of its variables once:
/// ```swift
/// init(_ settings: inout Settings) {
///     self.port = settings.int("HTTP_PORT", default: 3001, in: 1...65535, "Port for HTTP and the Media Streams WebSocket.")
///     self.authToken = settings.requiredSecret("TWILIO_AUTH_TOKEN", "Checks X-Twilio-Signature.")
/// }
/// ```
/// A method that finds a problem records it and returns a harmless value; `StageMain` prints all problems and exits
/// with 78 before that value is used. An empty variable counts as absent.
package struct Settings: Sendable {
    package struct Variable: Sendable, Equatable {
        package var name: String
        package var help: String
        package var defaultText: String?
        package var isSecret: Bool
    }

    package private(set) var variables: [Variable] = []
    /// One sentence each: names the variable, the value's limit and the fix; never a secret's value.
    package private(set) var problems: [String] = []

    package init(environment: [String: String]) {
    }

    package mutating func string(_ name: String, default: String, _ help: String) -> String { fatalError("stub") }
    package mutating func optionalString(_ name: String, _ help: String) -> String? { fatalError("stub") }
    package mutating func requiredString(_ name: String, _ help: String) -> String { fatalError("stub") }
    /// Also from the file that `NAME_FILE` names, without its trailing newline.
    package mutating func requiredSecret(_ name: String, _ help: String) -> String { fatalError("stub") }
    package mutating func optionalSecret(_ name: String, _ help: String) -> String? { fatalError("stub") }
    package mutating func int(
        _ name: String,
        default: Int,
        in range: ClosedRange<Int>,
        _ help: String
    ) -> Int { fatalError("stub") }
    package mutating func bool(_ name: String, default: Bool, _ help: String) -> Bool { fatalError("stub") }
    package mutating func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String,
        default: Value,
        _ help: String
    ) -> Value where Value.RawValue == String { fatalError("stub") }
    /// An absolute URL with one of `schemes`.
    package mutating func url(
        _ name: String,
        default: String?,
        schemes: Set<String>,
        _ help: String
    ) -> String { fatalError("stub") }
    /// For rules between variables: one more problem.
    package mutating func report(_ problem: String) { self.problems.append(problem) }
    /// Every variable that starts with `prefix`, for `KAFKA_*`.
    package func all(withPrefix prefix: String) -> [String: String] { fatalError("stub") }
}
