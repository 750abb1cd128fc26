import HTTPTypes
import JSON
import NIOCore
import StageRuntime

/// The body of `POST /api/voice/initiate-call`, checked.
struct InitiateCallRequest: Equatable {
    static let maxBodyBytes = 64 << 10
    static let defaultCategory = "general"

    var phoneNumber: PhoneNumber
    var businessName: String
    var userRequest: String
    var category: String
    var userID: String
    /// JSON text; empty when none was given.
    var userData: String
    /// Nil: we make one.
    var requestID: String?

    /// - Throws: `Problem`: 400 for what is not a JSON object, 422 that names every wrong field.
    init(body: ByteBuffer) throws {
        guard let json = try? JSONValue(parsing: body.readableBytesView), json.objectValue != nil else {
            throw Problem(.badRequest, "The body must be one JSON object.")
        }
        var fields = Fields(json: json)
        let phoneNumber = fields.required("phoneNumber", maxLength: 16)
        let number = PhoneNumber(phoneNumber)
        if number == nil, !phoneNumber.isEmpty {
            fields.report("phoneNumber", "must be an E.164 number, such as +15551234567")
        }
        self.businessName = fields.required("businessName", maxLength: 200)
        self.userRequest = fields.required("userRequest", maxLength: 4_000)
        self.category = fields.optional("category", maxLength: 64) ?? Self.defaultCategory
        self.userID = fields.optional("userId", maxLength: 128) ?? ""
        self.requestID = fields.optional("requestId", maxLength: 128)
        self.userData = json["userData"].flatMap { $0 == .null ? nil : $0.text } ?? ""
        guard let number, fields.problems.isEmpty else {
            let detail = fields.problems.map { "\($0.field) \($0.detail)" }.joined(separator: "; ") + "."
            throw Problem(.unprocessableContent, detail, errors: fields.problems)
        }
        self.phoneNumber = number
    }
}

/// Reads text fields of an object and remembers every problem.
private struct Fields {
    let json: JSONValue
    private(set) var problems: [Problem.FieldError] = []

    init(json: JSONValue) {
        self.json = json
    }

    mutating func report(_ name: String, _ detail: String) {
        self.problems.append(.init(field: name, detail: detail))
    }

    mutating func required(_ name: String, maxLength: Int) -> String {
        guard let value = self.json[name], value != .null else {
            self.report(name, "is missing")
            return ""
        }
        return self.text(value, name, maxLength: maxLength) ?? ""
    }

    mutating func optional(_ name: String, maxLength: Int) -> String? {
        guard let value = self.json[name], value != .null else { return nil }
        return self.text(value, name, maxLength: maxLength)
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
