import CallEvents
import CallFlow
import Hummingbird
import StageRuntime

/// Reads the parameters of a query, and remembers what is wrong with each.
struct QueryFields {
    private static let maxLength = 200

    private let values: [String: [String]]
    private var errors: [Problem.FieldError] = []

    init(_ request: Request) {
        self.init(request.uri.queryParameters.map { (String($0.key), String($0.value)) })
    }

    /// - Parameter pairs: decoded.
    init(_ pairs: [(String, String)]) {
        self.values = Dictionary(grouping: pairs, by: \.0).mapValues { $0.map(\.1) }
    }

    /// - Throws: `Problem` with status 400 that names all that is wrong.
    func throwIfWrong() throws(Problem) {
        guard let first = self.errors.first else { return }
        let detail = self.errors.count == 1 ? "\(first.field) \(first.detail)." : "Several parameters are wrong."
        throw Problem(.badRequest, detail, errors: self.errors)
    }

    mutating func reject(_ field: String, _ detail: String) {
        self.errors.append(Problem.FieldError(field: field, detail: detail))
    }

    /// The one value of a parameter: at most 200 characters, without control characters.
    mutating func text(_ name: String) -> String? {
        guard let values = self.values[name] else { return nil }
        guard values.count == 1, let value = values.first else { return self.reject(name, "must be given once") }
        guard value.unicodeScalars.count <= Self.maxLength, !value.unicodeScalars.contains(where: { $0.value < 0x20 })
        else {
            return self.reject(name, "must have at most \(Self.maxLength) characters, and no control characters")
        }
        return value
    }

    /// The same; nil when it is empty, which asks for nothing in particular.
    mutating func words(_ name: String) -> String? {
        self.text(name).flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Text that we made ourselves, of any length that fits a request.
    mutating func id(_ name: String) -> String? {
        guard let values = self.values[name] else { return nil }
        return values.count == 1 ? values[0] : self.reject(name, "must be given once")
    }

    /// Any of the allowed values: comma separated, or the parameter given more than once.
    mutating func choices(_ name: String, of allowed: [String]) -> [String] {
        let given = (self.values[name] ?? []).flatMap { $0.split(separator: ",", omittingEmptySubsequences: false) }
        let chosen = given.map(String.init)
        if let wrong = chosen.first(where: { !allowed.contains($0) }) {
            self.reject(name, "must be of \(allowed.joined(separator: ", ")), not “\(wrong.prefix(40))”")
        }
        return chosen
    }

    mutating func bool(_ name: String) -> Bool? {
        switch self.text(name) {
        case nil: return nil
        case "true": return true
        case "false": return false
        case .some: return self.reject(name, "must be true or false")
        }
    }

    mutating func int(_ name: String, in range: ClosedRange<Int>) -> Int? {
        guard let text = self.text(name) else { return nil }
        guard let value = Int(text), range.contains(value), !text.hasPrefix("+") else {
            return self.reject(name, "must be a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// Unix microseconds.
    /// - Parameter isEnd: a date stands for the end of its day, not the beginning.
    mutating func time(_ name: String, isEnd: Bool = false) -> Int64? {
        guard let text = self.text(name) else { return nil }
        if text.utf8.count == 10, let us = Self.us(text + "T00:00:00Z") { return isEnd ? us + 86_400_000_000 : us }
        // The plus of an offset is a space where it was not encoded.
        return Self.us(text.replacing(" ", with: "+"))
            ?? self.reject(name, "must be RFC 3339 or a date, such as 2026-11-23T09:30:00Z or 2026-11-23")
    }

    mutating func callSid(_ name: String) -> CallSid? {
        guard let text = self.text(name) else { return self.reject(name, "is missing") }
        return CallSid(text) ?? self.reject(name, "must be CA and 32 hexadecimal digits")
    }

    private mutating func reject<Value>(_ field: String, _ detail: String) -> Value? {
        self.reject(field, detail) as Void
        return nil
    }

    /// RFC 3339, with any offset that it allows: Foundation takes no more than 18 hours.
    private static func us(_ text: String) -> Int64? {
        let shape = /(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?)(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))/
        guard let match = text.wholeMatch(of: shape), let us = Timestamp.us(rfc3339: match.1 + "Z") else { return nil }
        guard let sign = match.2, let hours = match.3.flatMap({ Int64($0) }),
            let minutes = match.4.flatMap({ Int64($0) })
        else { return us }
        let offset = (hours * 60 + minutes) * 60_000_000
        return sign == "-" ? us + offset : us - offset
    }
}
