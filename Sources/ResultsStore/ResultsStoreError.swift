/// What went wrong with the store.
package struct ResultsStoreError: Error, Equatable, CustomStringConvertible {
    package enum Code: String, Sendable {
        /// `DATABASE_URL` is not one that this program can open.
        case badURL
        /// The database could not be opened, read or written; it may be possible later.
        case unavailable
        /// The database is there and does not take what was to be written or asked, for what it holds, such as a NUL
        /// character in a text: trying again changes nothing.
        case refused
        /// A stored value is not what was written.
        case corrupt
    }

    package var code: Code
    package var message: String

    package init(_ code: Code, _ message: String) {
        self.code = code
        self.message = message
    }

    /// Whether trying again changes nothing.
    package var isLasting: Bool { self.code == .refused || self.code == .corrupt }

    package var description: String { "\(self.code.rawValue): \(self.message)" }
}
