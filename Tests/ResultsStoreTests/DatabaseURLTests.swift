import ResultsStore
import Testing

@Suite struct DatabaseURLTests {
    @Test(arguments: [
        ("sqlite:///./lifehub-voice.sqlite", "./lifehub-voice.sqlite"),
        ("sqlite:////var/lib/x.sqlite", "/var/lib/x.sqlite"),
    ])
    func `a database URL names a file`(_ text: String, path: String) throws {
        #expect(try DatabaseURL(text).path == path)
    }

    @Test(arguments: [
        "", "sqlite:///", "sqlite://x", "mysql://user:secret@host/db", "/tmp/x", "sqlite:///x?mode=ro",
    ])
    func `any other database URL is refused with the form that works`(_ text: String) {
        #expect {
            try DatabaseURL(text)
        } throws: { error in
            guard let error = error as? ResultsStoreError else { return false }
            return error.code == .badURL && error.message.contains("sqlite:///") && !error.message.contains("secret")
        }
    }
}
