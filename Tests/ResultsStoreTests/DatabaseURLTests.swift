import ResultsStore
import Testing

@Suite struct DatabaseURLTests {
    @Test(arguments: [
        ("sqlite:///./lifehub-voice.sqlite", "./lifehub-voice.sqlite"),
        ("sqlite:////var/lib/x.sqlite", "/var/lib/x.sqlite"),
    ])
    func `a database URL names a file`(_ text: String, path: String) throws {
        #expect(try DatabaseURL(text) == .sqlite(path: path))
    }

    @Test func `a database URL names a server, as libpq does`() throws {
        guard
            case .postgresql(let server) = try DatabaseURL(
                "postgres://me%40work:p%40ss%2Fw%3Ard@db.example:5433/voice%20calls?sslmode=verify-full&connect_timeout=9"
            )
        else { throw Unexpected() }
        #expect(server.values["user"] == "me@work" && server.values["password"] == "p@ss/w:rd")
        #expect(server.values["host"] == "db.example" && server.values["port"] == "5433")
        #expect(server.values["dbname"] == "voice calls" && server.values["sslmode"] == "verify-full")
        #expect(server.values["connect_timeout"] == "9" && server.values["keepalives"] == "1")
    }

    @Test(
        arguments: [
            ("postgresql://", nil, nil), ("postgresql:///voice", nil, nil), ("postgresql://db", "db", nil),
            ("postgresql://[::1]:5433/voice", "::1", "5433"), ("postgresql://a:1,b:2/voice", "a,b", "1,2"),
            ("postgresql://me@/voice?host=/var/run/postgresql", "/var/run/postgresql", nil),
        ] as [(String, String?, String?)]
    )
    func `parts of a server's URL may be missing`(_ text: String, host: String?, port: String?) throws {
        guard case .postgresql(let server) = try DatabaseURL(text) else { throw Unexpected() }
        #expect(server.values["host"] == host && server.values["port"] == port)
    }

    private struct Unexpected: Error {}

    @Test(arguments: [
        "", "sqlite:///", "sqlite://x", "mysql://user:secret@host/db", "/tmp/x", "sqlite:///x?mode=ro",
        "postgresql://user:secret@host:x/db", "postgresql://user:secret@host:99999/db",
        "postgresql://user:secret%2@host/db", "postgresql://user:secret%00@host/db",
        "postgresql://user:secret@host/db?sslmode=maybe", "postgresql://user:secret@host/db?secret=1",
        "postgresql://user:secret@host/db?sslmode",
    ])
    func `any other database URL is refused, and not repeated`(_ text: String) {
        #expect {
            try DatabaseURL(text)
        } throws: { error in
            guard let error = error as? ResultsStoreError else { return false }
            return error.code == .badURL && !error.message.contains("secret")
        }
    }
}
