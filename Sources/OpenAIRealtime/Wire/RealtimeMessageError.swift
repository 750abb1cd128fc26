/// Why a message of the Realtime server could not be read.
package struct RealtimeMessageError: Error, Equatable {
    package enum Code: String, Sendable {
        /// Not one JSON object.
        case notJSON
        case noType
        case badField
        case badBase64
    }

    package var code: Code
    /// The message's `type`, or the field at fault; never its content.
    package var field: String?

    package init(_ code: Code, field: String? = nil) {
        self.code = code
        self.field = field
    }
}
