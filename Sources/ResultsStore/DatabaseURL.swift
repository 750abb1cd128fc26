/// `DATABASE_URL`: `sqlite:///` and a path. The path is relative to the working directory unless it begins with a
/// slash of its own: `sqlite:///./calls.sqlite`, `sqlite:////var/lib/calls.sqlite`.
package struct DatabaseURL: Sendable, Equatable {
    package var path: String

    /// - Throws: `ResultsStoreError` with code `badURL`; the message never repeats the value, which may hold a password.
    package init(_ text: String) throws(ResultsStoreError) {
        let scheme = "sqlite:///"
        let path = text.dropFirst(scheme.count)
        guard text.hasPrefix(scheme), !path.isEmpty, !path.hasSuffix("/"), !path.contains("?"), !path.contains("#")
        else {
            throw ResultsStoreError(
                .badURL,
                "must be sqlite:/// and the path of a file, such as sqlite:///./lifehub-voice.sqlite or "
                    + "sqlite:////var/lib/lifehub-voice.sqlite"
            )
        }
        self.path = String(path)
    }
}
