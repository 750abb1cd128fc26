package struct WebSocketError: Error, Equatable {
    package enum Code: String, Sendable {
        /// The URL is not ws or wss.
        case badURL
        /// The connection was refused, broke off, or the server's certificate was not accepted: `detail` says which.
        case connectFailed
        /// The server answered the upgrade with another status than 101: `status`, and the start of the answer in `detail`.
        case notUpgraded
        case connectTimedOut
        case messageTooLarge
        case protocolViolation
        case closed
    }

    package var code: Code
    package var status: Int?
    package var detail: String

    package init(_ code: Code, status: Int? = nil, detail: String = "") {
        self.code = code
        self.status = status
        self.detail = detail
    }
}
