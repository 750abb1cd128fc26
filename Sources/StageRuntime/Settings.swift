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
        package var isRequired = false
    }

    package private(set) var variables: [Variable] = []
    /// One sentence each: names the variable, the value's limit and the fix; never a secret's value.
    package private(set) var problems: [String] = []
    private let environment: [String: String]

    package init(environment: [String: String]) {
        self.environment = environment.filter { !$0.value.isEmpty }
    }

    package mutating func string(_ name: String, default: String, _ help: String) -> String {
        self.declare(name, help, default: `default`)
        return self.environment[name] ?? `default`
    }

    package mutating func requiredString(_ name: String, _ help: String) -> String {
        self.declare(name, help, isRequired: true)
        return self.environment[name] ?? self.missing(name)
    }

    /// Also from the file that `NAME_FILE` names, without its trailing newline.
    package mutating func requiredSecret(_ name: String, _ help: String) -> String {
        self.declare(name, help, isSecret: true, isRequired: true)
        guard self.environment[name] != nil || self.environment[name + "_FILE"] != nil else {
            self.report("\(name) is missing: set it, or \(name)_FILE to a file that holds it.")
            return ""
        }
        return self.secret(name) ?? ""
    }

    package mutating func optionalSecret(_ name: String, _ help: String) -> String? {
        self.declare(name, help, isSecret: true)
        return self.secret(name)
    }

    package mutating func int(
        _ name: String,
        default: Int,
        in range: ClosedRange<Int>,
        _ help: String
    ) -> Int {
        self.declare(name, "\(help) \(range.lowerBound)–\(range.upperBound).", default: String(`default`))
        guard let text = self.environment[name] else { return `default` }
        guard let value = Int(text), range.contains(value) else {
            self.report(
                "\(name) must be a whole number from \(range.lowerBound) to \(range.upperBound), not \(quoted(text))."
            )
            return `default`
        }
        return value
    }

    /// A decimal number, such as `0.5`.
    package mutating func decimal(
        _ name: String,
        default: Double,
        in range: ClosedRange<Double>,
        _ help: String
    ) -> Double {
        self.declare(name, "\(help) \(range.lowerBound)–\(range.upperBound).", default: String(`default`))
        guard let text = self.environment[name] else { return `default` }
        guard let value = Double(text), range.contains(value) else {
            self.report(
                "\(name) must be a number from \(range.lowerBound) to \(range.upperBound), not \(quoted(text))."
            )
            return `default`
        }
        return value
    }

    package mutating func bool(_ name: String, default: Bool, _ help: String) -> Bool {
        self.declare(name, "\(help) `true` or `false`.", default: String(`default`))
        switch self.environment[name]?.lowercased() {
        case nil: return `default`
        case "true", "1", "yes", "on": return true
        case "false", "0", "no", "off": return false
        case .some(let text):
            self.report("\(name) must be true or false, not \(quoted(text)).")
            return `default`
        }
    }

    package mutating func choice<Value: RawRepresentable & CaseIterable>(
        _ name: String,
        default: Value,
        _ help: String
    ) -> Value where Value.RawValue == String {
        let names = Value.allCases.map(\.rawValue)
        let listed = names.map { "`\($0)`" }.joined(separator: ", ")
        self.declare(name, "\(help) One of \(listed).", default: `default`.rawValue)
        guard let text = self.environment[name] else { return `default` }
        guard let value = Value(rawValue: text) else {
            self.report("\(name) must be one of \(names.joined(separator: ", ")), not \(quoted(text)).")
            return `default`
        }
        return value
    }

    /// An absolute URL with one of `schemes`; without a default it is required.
    package mutating func url(
        _ name: String,
        default: String?,
        schemes: Set<String>,
        _ help: String
    ) -> String {
        self.declare(name, help, default: `default`, isRequired: `default` == nil)
        guard let text = self.environment[name] else { return `default` ?? self.missing(name) }
        let listed = schemes.sorted().map { "\($0)://" }.joined(separator: " or ")
        guard let separator = text.firstRange(of: "://"),
            schemes.contains(text[..<separator.lowerBound].lowercased()),
            let first = text[separator.upperBound...].first, !"/?#:".contains(first),
            !text.contains(where: \.isWhitespace)
        else {
            self.report("\(name) must be a URL that begins with \(listed) and a host, not \(quoted(text)).")
            return `default` ?? ""
        }
        return text
    }

    /// For rules between variables: one more problem.
    package mutating func report(_ problem: String) { self.problems.append(problem) }

    /// Every variable that starts with `prefix`, for `KAFKA_*`.
    package func all(withPrefix prefix: String) -> [String: String] {
        self.environment.filter { $0.key.hasPrefix(prefix) }
    }

    /// Makes `--help` list variables that are read with `all(withPrefix:)`.
    package mutating func declare(_ name: String, _ help: String) {
        self.declare(name, help, default: nil)
    }

    /// The content of the file that the variable `name` names, without its trailing newline.
    package mutating func contents(ofFileIn name: String) -> String? {
        guard let path = self.environment[name] else { return nil }
        guard let text = readTextFile(path) else {
            self.report("\(name) names a file that cannot be read: \(quoted(path)).")
            return nil
        }
        let trimmed = text.hasSuffix("\n") ? String(text.dropLast()) : text
        guard !trimmed.isEmpty else {
            self.report("\(name) names a file that is empty: \(quoted(path)).")
            return nil
        }
        return trimmed
    }

    private mutating func secret(_ name: String) -> String? {
        let file = name + "_FILE"
        guard self.environment[file] != nil else { return self.environment[name] }
        guard self.environment[name] == nil else {
            self.report("\(name) and \(file) are both set: keep one.")
            return nil
        }
        return self.contents(ofFileIn: file)
    }

    private mutating func declare(
        _ name: String,
        _ help: String,
        default: String? = nil,
        isSecret: Bool = false,
        isRequired: Bool = false
    ) {
        self.variables.append(
            Variable(name: name, help: help, defaultText: `default`, isSecret: isSecret, isRequired: isRequired)
        )
    }

    private mutating func missing(_ name: String) -> String {
        self.report("\(name) is missing: set it.")
        return ""
    }
}

private func quoted(_ text: String) -> String {
    "“\(text)”"
}
