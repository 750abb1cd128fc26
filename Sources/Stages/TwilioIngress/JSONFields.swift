import HTTPTypes
import JSON
import NIOCore
import StageRuntime

/// Reads fields of a JSON object and of objects in it, and remembers every problem under the field's path.
struct JSONFields {
    private(set) var json: JSONValue
    /// Put before each name, such as `businesses[2].`.
    private var path = ""
    private(set) var problems: [Problem.FieldError] = []

    /// - Throws: `Problem` with status 400 for what is not a JSON object.
    init(body: ByteBuffer) throws {
        guard let json = try? JSONValue(parsing: body.readableBytesView), json.objectValue != nil else {
            throw Problem(.badRequest, "The body must be one JSON object.")
        }
        self.json = json
    }

    init(_ json: JSONValue) {
        self.json = json
    }

    /// - Throws: `Problem` with status 422 that names every wrong field.
    func throwIfWrong() throws {
        guard !self.problems.isEmpty else { return }
        let detail = self.problems.map { "\($0.field) \($0.detail)" }.joined(separator: "; ") + "."
        throw Problem(.unprocessableContent, detail, errors: self.problems)
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
