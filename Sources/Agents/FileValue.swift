import JSON
import Yams

/// Collects what is wrong with one file while it is read.
final class FileProblems {
    let file: String
    private var found: [AgentFileError.Problem] = []

    init(file: String) { self.file = file }

    var error: AgentFileError? {
        if self.found.isEmpty { return nil }
        // A stable order: what is found later may stand in front.
        let sorted = self.found.enumerated().sorted { ($0.element.line, $0.offset) < ($1.element.line, $1.offset) }
        return AgentFileError(problems: sorted.map(\.element))
    }

    func report(_ line: Int, _ message: String) {
        let problem = AgentFileError.Problem(file: self.file, line: line, message: message)
        // Text that several agents share is wrong once.
        if !self.found.contains(problem) { self.found.append(problem) }
    }
}

/// A value of the file and where it stands. A reading method reports what is no such value and gives nil.
struct FileValue {
    /// What problems call it: its key.
    let name: String
    let node: Node
    let problems: FileProblems

    /// From 1.
    var line: Int { self.node.mark?.line ?? 1 }

    func report(_ message: String) { self.problems.report(self.line, message) }

    /// What was left out, or given no value.
    var isNull: Bool { self.node.tag == Tag(.null) && self.node.scalar?.style == .plain }

    var isMapping: Bool { self.node.mapping != nil }

    func mapping() -> FileMapping? {
        guard let mapping = self.node.mapping else {
            self.report("\(self.name) must be a mapping of keys to values.")
            return nil
        }
        return FileMapping(self, mapping)
    }

    func list() -> [FileValue]? {
        guard let sequence = self.node.sequence else {
            self.report("\(self.name) must be a list.")
            return nil
        }
        return sequence.map { FileValue(name: self.name, node: $0, problems: self.problems) }
    }

    /// Text that is not blank.
    func text(limit: Int = 100_000) -> String? {
        guard let scalar = self.node.scalar, scalar.style != .plain || self.node.tag == Tag(.str) else {
            self.report("\(self.name) must be text; put what looks like a number or a truth value in quotes.")
            return nil
        }
        guard !scalar.string.allSatisfy(\.isWhitespace), scalar.string.count <= limit else {
            self.report("\(self.name) must be text of 1 to \(limit) characters.")
            return nil
        }
        return scalar.string
    }

    /// A word of a closed set. YAML takes `off` for a truth value: here it is the word.
    func choice(_ words: [String]) -> String? {
        guard let word = self.node.scalar?.string, words.contains(word) else {
            self.report("\(self.name) must be one of \(words.joined(separator: ", ")).")
            return nil
        }
        return word
    }

    func bool() -> Bool? {
        switch self.node.scalar.map({ $0.style == .plain ? $0.string : "" }) {
        case "true": return true
        case "false": return false
        default:
            self.report("\(self.name) must be true or false.")
            return nil
        }
    }

    func int(_ range: ClosedRange<Int>) -> Int? {
        guard let scalar = self.node.scalar, scalar.style == .plain, let value = Int(scalar.string),
            range.contains(value)
        else {
            self.report("\(self.name) must be a whole number from \(range.lowerBound) to \(range.upperBound).")
            return nil
        }
        return value
    }

    func number(_ range: ClosedRange<Double>) -> Double? {
        guard let scalar = self.node.scalar, scalar.style == .plain, let value = Double(scalar.string),
            range.contains(value)
        else {
            self.report("\(self.name) must be a number from \(range.lowerBound) to \(range.upperBound).")
            return nil
        }
        return value
    }

    /// The value as JSON; nil when YAML has something there that JSON has not.
    func json() -> JSONValue? {
        switch self.node {
        case .scalar(let scalar):
            guard scalar.style == .plain else { return .string(scalar.string) }
            let tag = self.node.tag
            if tag == Tag(.null) { return .null }
            if tag == Tag(.bool) { return self.bool().map { .bool($0) } }
            guard tag == Tag(.int) || tag == Tag(.float) else { return .string(scalar.string) }
            if let whole = Int(scalar.string) { return .integer(whole) }
            if let number = Double(scalar.string), number.isFinite { return .number(number) }
            self.report("\(scalar.string) is no number of JSON's.")
            return nil
        case .sequence(let sequence):
            let values = sequence.map { FileValue(name: self.name, node: $0, problems: self.problems).json() }
            return values.contains { $0 == nil } ? nil : .array(values.compactMap { $0 })
        case .mapping(let mapping):
            var members: [String: JSONValue] = [:]
            for (key, value) in mapping {
                guard let name = key.scalar?.string else {
                    self.report("A key of \(self.name) must be text.")
                    return nil
                }
                guard let json = FileValue(name: name, node: value, problems: self.problems).json() else { return nil }
                members[name] = json
            }
            return .object(members)
        case .alias:
            self.report("\(self.name) has an alias that cannot be followed.")
            return nil
        }
    }
}

/// A mapping of the file. What nobody asks for is unknown: `end` reports it.
struct FileMapping {
    /// The mapping as a value.
    let value: FileValue
    private var values: [String: FileValue] = [:]
    private var keys: [(name: String, line: Int)] = []

    var line: Int { self.value.line }

    init(_ value: FileValue, _ mapping: Node.Mapping) {
        self.value = value
        for (key, node) in mapping {
            guard let name = key.scalar?.string else {
                value.problems.report(key.mark?.line ?? value.line, "A key of \(value.name) must be text.")
                continue
            }
            self.keys.append((name, key.mark?.line ?? value.line))
            self.values[name] = FileValue(name: name, node: node, problems: value.problems)
        }
    }

    var names: [String] { self.keys.map(\.name) }

    /// Where the key stands.
    func line(of key: String) -> Int { self.keys.first { $0.name == key }?.line ?? self.line }

    /// nil when the key is absent or has no value.
    subscript(_ key: String) -> FileValue? {
        guard let value = self.values[key], !value.isNull else { return nil }
        return value
    }

    func required(_ key: String) -> FileValue? {
        if let value = self[key] { return value }
        self.value.problems.report(self.line, "\(self.value.name) lacks \(key).")
        return nil
    }

    /// Reports keys that mean nothing here.
    func allow(_ known: [String]) {
        for key in self.keys where !known.contains(key.name) {
            self.value.problems.report(
                key.line,
                "\(self.value.name) has no key \(key.name); its keys are \(known.joined(separator: ", "))."
            )
        }
    }
}
