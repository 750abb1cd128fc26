import Crypto
import HTTPTypes
import JSON
import NIOCore
import StageRuntime

/// The body of `POST /api/voice/initiate-call`, checked: one call, or one for each of `businesses`.
struct InitiateCallRequest: Equatable {
    static let maxBodyBytes = 64 << 10
    static let maxBusinesses = 10
    static let defaultCategory = "general"
    private static let maxUserDataBytes = 16 << 10
    private static let maxQuotes = 50
    private static let maxQuotesBytes = 32 << 10

    /// One that is to be called.
    struct Business: Equatable {
        var phoneNumber: PhoneNumber
        var businessName: String
        var userRequest: String
        var category: String
        /// JSON text; empty when none was given.
        var userData: String
    }

    /// At least one.
    var businesses: [Business]
    /// Given as `businesses`, so answered as `calls`.
    var isSeveral: Bool
    var userID: String
    /// Nil: we make one.
    var requestID: String?
    /// JSON text of an array; empty when none was given.
    var quotes: String
    /// SHA-256 of the body's meaning, hex: the order of members and the space between them do not count.
    var bodySHA256: String

    /// - Throws: `Problem`: 400 for what is not a JSON object, 422 that names every wrong field.
    init(body: ByteBuffer, destinations: DestinationPolicy = .everywhere) throws {
        var fields = try JSONFields(body: body)
        self.isSeveral = fields.value("businesses") != nil
        self.businesses =
            self.isSeveral
            ? Self.businesses(&fields, destinations) : Self.business(&fields, destinations).map { [$0] } ?? []
        self.userID = fields.optional("userId", maxLength: 128) ?? ""
        self.requestID = fields.optional("requestId", maxLength: 128)
        self.quotes = Self.quotes(&fields)
        self.bodySHA256 = SHA256.hash(data: Array(fields.json.text.utf8)).hex
        try fields.throwIfWrong()
    }

    /// - Returns: nil when there is a problem, which `fields` holds.
    private static func business(_ fields: inout JSONFields, _ destinations: DestinationPolicy) -> Business? {
        let number = self.phoneNumber(&fields, destinations)
        let name = fields.required("businessName", maxLength: 200)
        let request = fields.required("userRequest", maxLength: 4_000)
        let category = fields.optional("category", maxLength: 64) ?? Self.defaultCategory
        let data = self.userData(&fields) ?? ""
        guard let number, let name, let request else { return nil }
        return Business(
            phoneNumber: number,
            businessName: name,
            userRequest: request,
            category: category,
            userData: data
        )
    }

    /// What an element leaves out is as for the whole request.
    private static func businesses(_ fields: inout JSONFields, _ destinations: DestinationPolicy) -> [Business] {
        for name in ["phoneNumber", "businessName"] where fields.value(name) != nil {
            fields.report(name, "must be left out where there are businesses")
        }
        let request = fields.optional("userRequest", maxLength: 4_000)
        let category = fields.optional("category", maxLength: 64) ?? Self.defaultCategory
        let data = self.userData(&fields) ?? ""
        let elements = fields.value("businesses")?.arrayValue ?? []
        guard (1...Self.maxBusinesses).contains(elements.count) else {
            fields.report("businesses", "must be an array of 1 to \(Self.maxBusinesses) objects")
            return []
        }
        return elements.enumerated().compactMap { index, element in
            fields.within(element, "businesses[\(index)]") { fields -> Business? in
                let number = self.phoneNumber(&fields, destinations)
                let name = fields.required("businessName", maxLength: 200)
                let ownRequest = fields.optional("userRequest", maxLength: 4_000)
                if request == nil, fields.value("userRequest") == nil {
                    fields.report("userRequest", "is missing, and there is none for all businesses")
                }
                let ownCategory = fields.optional("category", maxLength: 64)
                let ownData = self.userData(&fields)
                guard let number, let name, let text = ownRequest ?? request else { return nil }
                return Business(
                    phoneNumber: number,
                    businessName: name,
                    userRequest: text,
                    category: ownCategory ?? category,
                    userData: ownData ?? data
                )
            }
        }
    }

    private static func phoneNumber(_ fields: inout JSONFields, _ destinations: DestinationPolicy) -> PhoneNumber? {
        guard let text = fields.required("phoneNumber", maxLength: 16) else { return nil }
        guard let number = PhoneNumber(text) else {
            fields.report("phoneNumber", "must be an E.164 number, such as +15551234567")
            return nil
        }
        guard destinations.allows(number) else {
            fields.report("phoneNumber", "may not be called from here: it must begin with \(destinations.listed)")
            return nil
        }
        return number
    }

    private static func userData(_ fields: inout JSONFields) -> String? {
        guard let text = fields.value("userData")?.text else { return nil }
        guard text.utf8.count <= Self.maxUserDataBytes else {
            fields.report("userData", "must have at most \(Self.maxUserDataBytes) bytes of JSON")
            return nil
        }
        return text
    }

    private static func quotes(_ fields: inout JSONFields) -> String {
        guard let value = fields.value("quotes") else { return "" }
        guard let quotes = value.arrayValue, quotes.count <= Self.maxQuotes else {
            fields.report("quotes", "must be an array of at most \(Self.maxQuotes) objects")
            return ""
        }
        for (index, quote) in quotes.enumerated() where quote.objectValue == nil {
            fields.report("quotes[\(index)]", "must be an object")
        }
        guard value.text.utf8.count <= Self.maxQuotesBytes else {
            fields.report("quotes", "must have at most \(Self.maxQuotesBytes) bytes of JSON")
            return ""
        }
        return value.text
    }
}

extension SHA256.Digest {
    /// Lower case.
    var hex: String {
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: self.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
