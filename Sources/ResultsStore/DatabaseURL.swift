/// `DATABASE_URL`: where the store is.
///
/// - `sqlite:///` and a path, which is relative to the working directory unless it begins with a slash of its own:
///   `sqlite:///./calls.sqlite`, `sqlite:////var/lib/calls.sqlite`.
/// - `postgresql://user:password@host:port/database?sslmode=verify-full` (also `postgres://`), as libpq reads it: parts
///   may be missing or percent-encoded, there may be several `host:port`, separated by commas.
package enum DatabaseURL: Sendable, Equatable {
    case sqlite(path: String)
    case postgresql(PostgreSQLParameters)

    /// - Throws: `ResultsStoreError` with code `badURL`; the message never repeats the value, which may hold a password.
    package init(_ text: String) throws(ResultsStoreError) {
        if let path = Self.path(in: text) {
            self = .sqlite(path: path)
        } else if let scheme = ["postgresql://", "postgres://"].first(where: { text.hasPrefix($0) }) {
            self = .postgresql(try PostgreSQLParameters(urlWithoutScheme: text.dropFirst(scheme.count)))
        } else {
            throw ResultsStoreError(
                .badURL,
                "must be sqlite:/// and the path of a file, such as sqlite:///./lifehub-voice.sqlite or "
                    + "sqlite:////var/lib/lifehub-voice.sqlite, or postgresql://user:password@host:port/database"
            )
        }
    }

    private static func path(in text: String) -> String? {
        let scheme = "sqlite:///"
        let path = text.dropFirst(scheme.count)
        guard text.hasPrefix(scheme), !path.isEmpty, !path.hasSuffix("/"), !path.contains("?"), !path.contains("#")
        else { return nil }
        return String(path)
    }
}

/// What libpq is told to connect with, by its own names: https://www.postgresql.org/docs/current/libpq-connect.html
package struct PostgreSQLParameters: Sendable, Equatable {
    package private(set) var values: [String: String]

    /// Waiting for a server that does not answer ends by itself; what a URL says instead goes before.
    private static let defaults = [
        "application_name": "lifehub-voice", "connect_timeout": "5", "client_encoding": "UTF8",
        "keepalives": "1", "keepalives_idle": "10", "keepalives_interval": "5", "keepalives_count": "3",
        // Milliseconds until data that nobody acknowledges ends the connection.
        "tcp_user_timeout": "15000",
        // Of several servers the one that takes writes.
        "target_session_attrs": "read-write",
    ]

    /// Behind the `?` of a URL.
    private static let allowed: Set<String> = [
        "host", "hostaddr", "port", "user", "password", "dbname", "passfile", "connect_timeout", "application_name",
        "options", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count", "tcp_user_timeout",
        "sslmode", "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl", "sslcrldir", "sslsni",
        "ssl_min_protocol_version", "ssl_max_protocol_version", "channel_binding", "gssencmode", "krbsrvname",
        "gsslib", "target_session_attrs",
    ]

    private static let sslModes: Set<String> = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"]

    init(urlWithoutScheme rest: Substring) throws(ResultsStoreError) {
        self.values = Self.defaults
        var rest = rest
        var query: Substring = ""
        if let mark = rest.firstIndex(of: "?") {
            query = rest[rest.index(after: mark)...]
            rest = rest[..<mark]
        }
        var database: Substring = ""
        if let slash = rest.firstIndex(of: "/") {
            database = rest[rest.index(after: slash)...]
            rest = rest[..<slash]
        }
        if let at = rest.lastIndex(of: "@") {
            let login = rest[..<at].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
            try self.set("user", login.first ?? "")
            if login.count > 1 { try self.set("password", login[1]) }
            rest = rest[rest.index(after: at)...]
        }
        try self.setHosts(rest)
        try self.set("dbname", database)
        for pair in query.split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts.count == 2, Self.allowed.contains(String(parts[0])) else {
                throw ResultsStoreError(.badURL, "has a parameter that libpq does not know, or without a value")
            }
            try self.set(String(parts[0]), parts[1])
        }
        if let mode = self.values["sslmode"], !Self.sslModes.contains(mode) {
            throw ResultsStoreError(.badURL, "must have one of \(Self.sslModes.sorted()) as its sslmode")
        }
    }

    private mutating func setHosts(_ text: Substring) throws(ResultsStoreError) {
        guard !text.isEmpty else { return }
        var hosts: [String] = []
        var ports: [String] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let end = part.hasPrefix("[") ? part.firstIndex(of: "]") : nil
            let colon = part[(end ?? part.startIndex)...].firstIndex(of: ":")
            var host = part[..<(colon ?? part.endIndex)]
            if end != nil { host = host.dropFirst().dropLast() }
            let port = colon.map { part[part.index(after: $0)...] } ?? ""
            guard port.isEmpty || (1...65535).contains(Int(port) ?? 0) else {
                throw ResultsStoreError(.badURL, "must have a port from 1 to 65535")
            }
            hosts.append(try Self.decoded(host))
            ports.append(String(port))
        }
        self.values["host"] = hosts.joined(separator: ",")
        if ports.contains(where: { !$0.isEmpty }) { self.values["port"] = ports.joined(separator: ",") }
    }

    private mutating func set(_ name: String, _ text: Substring) throws(ResultsStoreError) {
        if !text.isEmpty { self.values[name] = try Self.decoded(text) }
    }

    /// Percent-encoding undone.
    private static func decoded(_ text: Substring) throws(ResultsStoreError) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, rest.prefix(2).allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }),
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16), value != 0
            else { throw ResultsStoreError(.badURL, "has a % that is not followed by two hexadecimal digits") }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
