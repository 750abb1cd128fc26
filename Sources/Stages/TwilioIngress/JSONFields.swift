import JSON
import StageRuntime

/// Reads fields of a JSON object and of objects in it, and remembers every problem under the field's path.
struct JSONFields {
    private var json: JSONValue
    /// Put before each name, such as `businesses[2].`.
    private var path = ""
    private(set) var problems: [Problem.FieldError] = []

    init(_ json: JSONValue) {
        self.json = json
    }

    mutating func report(_ name: String, _ detail: String) {
        self.problems.append(.init(field: self.path + name, detail: detail))
    }

    /// Nil when it is absent or `null`.
    func value(_ name: String) -> JSONValue? {
        self.json[name].flatMap { $0 == .null ? nil : $0 }
    }

    /// Reads the fields of `object`, which must be one.
    mutating func within<Value>(_ object: JSONValue, _ name: String, _ read: (inout JSONFields) -> Value?) -> Value? {
        guard object.objectValue != nil else {
            self.report(name, "must be an object")
            return nil
        }
        var inner = self
        inner.json = object
        inner.path += name + "."
        defer { self.problems = inner.problems }
        return read(&inner)
    }

    /// - Parameter maxLength: in Unicode scalars.
    /// - Returns: nil when there is a problem.
    mutating func required(_ name: String, maxLength: Int) -> String? {
        guard let value = self.value(name) else {
            self.report(name, "is missing")
            return nil
        }
        return self.text(value, name, maxLength: maxLength)
    }

    mutating func optional(_ name: String, maxLength: Int) -> String? {
        self.value(name).flatMap { self.text($0, name, maxLength: maxLength) }
    }

    private mutating func text(_ value: JSONValue, _ name: String, maxLength: Int) -> String? {
        guard let text = value.stringValue else {
            self.report(name, "must be a string")
            return nil
        }
        guard text.contains(where: { !$0.isWhitespace }) else {
            self.report(name, "must not be empty")
            return nil
        }
        guard text.unicodeScalars.count <= maxLength else {
            self.report(name, "must have at most \(maxLength) characters")
            return nil
        }
        return text
    }
}
