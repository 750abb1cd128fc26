package import JSON

/// A refusal of the REST API, with Twilio's error number.
package struct APIError: Error, Equatable {
    package var status: Int
    package var code: Int
    package var message: String

    package init(status: Int = 400, code: Int, _ message: String) {
        self.status = status
        self.code = code
        self.message = message
    }

    /// What a script has the API answer.
    init(scripted status: Int) {
        let (code, message) =
            switch status {
            case 401: (20003, "Authenticate")
            case 403: (20403, "Forbidden")
            case 404: (20404, "The requested resource was not found")
            case 429: (20429, "Too Many Requests")
            case 503: (20503, "Service unavailable")
            case 500...: (20500, "Internal server error")
            default: (20001, "scripted")
            }
        self.init(status: status, code: code, message)
    }

    static let unauthenticated = APIError(status: 401, code: 20003, "Authenticate")

    static func notFound(_ path: String) -> APIError {
        APIError(status: 404, code: 20404, "The requested resource \(path) was not found")
    }

    /// As the API answers it.
    package var json: JSONValue {
        [
            "code": .integer(self.code),
            "message": .string(self.message),
            "more_info": .string("https://www.twilio.com/docs/errors/\(self.code)"),
            "status": .integer(self.status),
        ]
    }
}
