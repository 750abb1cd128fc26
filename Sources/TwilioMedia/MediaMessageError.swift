/// Why a WebSocket message is not a Media Streams message. It never carries what the message said.
package struct MediaMessageError: Error, Equatable {
    package enum Code: String, Sendable {
        /// Not one JSON object, or nested deeper than any message is.
        case notJSON
        /// No such message in this direction.
        case unknownEvent
        case missingField
        /// A field of the wrong type or outside its range.
        case badField
        /// A field that the message must not have (messages to Twilio only).
        case unexpectedField
        case badBase64
        /// The message names another stream (messages to Twilio only).
        case foreignStream
    }

    package var code: Code
    /// The path of the field, such as `media.payload`; nil for `notJSON`.
    package var field: String?

    package init(_ code: Code, field: String? = nil) {
        self.code = code
        self.field = field
    }
}
