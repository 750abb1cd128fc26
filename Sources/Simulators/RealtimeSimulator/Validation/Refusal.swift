/// Why a client event is refused: the content of an `error` event.
struct Refusal: Error, Equatable {
    var type = "invalid_request_error"
    var code: String
    var message: String
    var param: String?

    static func invalidValue(_ param: String, _ message: String) -> Refusal {
        Refusal(code: "invalid_value", message: message, param: param)
    }

    static func unknownParameter(_ param: String) -> Refusal {
        Refusal(code: "unknown_parameter", message: "Unknown parameter: '\(param)'.", param: param)
    }

    static func missingParameter(_ param: String) -> Refusal {
        Refusal(
            code: "missing_required_parameter",
            message: "Missing required parameter: '\(param)'.",
            param: param
        )
    }
}
